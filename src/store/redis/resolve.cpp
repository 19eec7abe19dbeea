#include "store/redis/resolve.h"

#include "core/fd.h"
#include "core/poll.h"

#include <array>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

namespace dlock::redis {
namespace {

struct Lookup {
  std::string host;
  std::string port;
  std::vector<SocketAddress> found;
  int error = 0;
  Fd finished{::eventfd(0, EFD_CLOEXEC)};

  void run(int flags) {
    addrinfo wanted{};
    wanted.ai_family = AF_UNSPEC;
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = flags;
    addrinfo* list = nullptr;
    error = ::getaddrinfo(host.c_str(), port.c_str(), &wanted, &list);
    if (error != 0) return;
    for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
      SocketAddress address;
      std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
      address.length = entry->ai_addrlen;
      found.push_back(address);
    }
    ::freeaddrinfo(list);
  }
};

/// False when the patience ended first.
bool wait_until_finished(const Lookup& lookup, const Patience& patience) {
  for (;;) {
    std::array<pollfd, 2> watched{
        {{lookup.finished.number(), POLLIN, 0},
         {patience.interrupt ? patience.interrupt->fd() : -1, POLLIN, 0}}};
    if (!wait_for_any(watched, patience.until)) return false;
    if (watched[0].revents != 0) return true;
    if (patience.interrupt->requested()) return false;
  }
}

}  // namespace

bool SocketAddress::operator==(const SocketAddress& other) const {
  return length == other.length && std::memcmp(&storage, &other.storage, length) == 0;
}

Result<std::vector<SocketAddress>, std::string> resolve(const std::string& host, int port,
                                                        const Patience& patience) {
  auto lookup = std::make_shared<Lookup>();
  lookup->host = host;
  lookup->port = std::to_string(port);
  lookup->run(AI_NUMERICHOST | AI_NUMERICSERV);
  if (lookup->error == 0) return std::move(lookup->found);

  lookup->error = 0;
  std::thread worker{[lookup] {
    // Without AI_ADDRCONFIG, which hides 127.0.0.1 on a host whose only other addresses are of
    // IPv6.
    lookup->run(AI_NUMERICSERV);
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(lookup->finished.number(), &one, sizeof one);
  }};
  if (!wait_until_finished(*lookup, patience)) {
    worker.detach();
    return std::string{"its name could not be resolved in time"};
  }
  worker.join();
  if (lookup->error != 0)
    return "its name could not be resolved: " + std::string{::gai_strerror(lookup->error)};
  return std::move(lookup->found);
}

}  // namespace dlock::redis
