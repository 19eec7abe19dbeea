#pragma once

#include <optional>
#include <string>
#include <sys/socket.h>

namespace dlock::redis {

/// An address for connect(2).
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  int family() const { return storage.ss_family; }
  bool operator==(const SocketAddress& other) const;
};

SocketAddress unix_address(const std::string& path);

/// `address` is an in_addr or in6_addr, depending on the family, in network byte order.
SocketAddress internet_address(int family, const void* address, int port, unsigned scope = 0);

/// The address if `host` is numeric: an IPv4 address in any form that inet_aton(3) accepts, or an
/// IPv6 address, also with a zone (`fe80::1%eth0`). Empty for a name.
std::optional<SocketAddress> numeric_address(const std::string& host, int port);

}  // namespace dlock::redis
