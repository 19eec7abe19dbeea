#pragma once

#include "core/result.h"
#include "store/store.h"

#include <string>
#include <sys/socket.h>
#include <vector>

namespace dlock::redis {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  bool operator==(const SocketAddress& other) const;
};

/// Turns a host name into addresses, within the patience: getaddrinfo(3) itself has no deadline and
/// can hang for a minute, so a name that is not numeric is looked up by a thread of its own. When
/// that thread is late it is left behind and ends by itself. On success no thread is left, so that
/// the caller may fork. The error says why, for a person.
Result<std::vector<SocketAddress>, std::string> resolve(const std::string& host, int port,
                                                        const Patience& patience);

}  // namespace dlock::redis
