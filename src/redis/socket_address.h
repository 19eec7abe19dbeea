#pragma once

#include <optional>
#include <string>
#include <sys/socket.h>

namespace dlock::redis {

/// Where a socket can be connected to, as connect(2) wants it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  int family() const { return storage.ss_family; }
  bool operator==(const SocketAddress& other) const;
};

SocketAddress unix_address(const std::string& path);

/// `address` is an in_addr or in6_addr, in network byte order, by its family.
SocketAddress internet_address(int family, const void* address, int port, unsigned scope = 0);

/// The address that `host` is when it is no name: of IPv4 in any form that inet_aton(3) takes, or
/// of IPv6, also with a zone (`fe80::1%eth0`).
std::optional<SocketAddress> numeric_address(const std::string& host, int port);

}  // namespace dlock::redis
