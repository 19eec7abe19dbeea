#include "redis/socket_address.h"

#include "core/number.h"

#include <arpa/inet.h>
#include <cstdint>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace dlock::redis {
namespace {

template <typename Name>
SocketAddress stored(const Name& name) {
  SocketAddress address;
  std::memcpy(&address.storage, &name, sizeof name);
  address.length = sizeof name;
  return address;
}

/// The scope of an interface, given by its name or number. 0 if there is none.
unsigned scope_in(const std::string& zone) {
  if (const unsigned index = ::if_nametoindex(zone.c_str()); index != 0) return index;
  return parse_number<unsigned>(zone, 1).value_or(0);
}

}  // namespace

bool SocketAddress::operator==(const SocketAddress& other) const {
  return length == other.length && std::memcmp(&storage, &other.storage, length) == 0;
}

SocketAddress unix_address(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  return stored(name);
}

SocketAddress internet_address(int family, const void* address, int port, unsigned scope) {
  if (family == AF_INET) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<std::uint16_t>(port));
    std::memcpy(&name.sin_addr, address, sizeof name.sin_addr);
    return stored(name);
  }
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  name.sin6_port = htons(static_cast<std::uint16_t>(port));
  name.sin6_scope_id = scope;
  std::memcpy(&name.sin6_addr, address, sizeof name.sin6_addr);
  return stored(name);
}

std::optional<SocketAddress> numeric_address(const std::string& host, int port) {
  if (in_addr v4{}; ::inet_aton(host.c_str(), &v4) != 0)
    return internet_address(AF_INET, &v4, port);
  const auto percent = host.find('%');
  in6_addr v6{};
  if (::inet_pton(AF_INET6, host.substr(0, percent).c_str(), &v6) != 1) return std::nullopt;
  if (percent == host.npos) return internet_address(AF_INET6, &v6, port);
  const unsigned scope = scope_in(host.substr(percent + 1));
  if (scope == 0) return std::nullopt;
  return internet_address(AF_INET6, &v6, port, scope);
}

}  // namespace dlock::redis
