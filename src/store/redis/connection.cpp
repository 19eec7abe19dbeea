#include "store/redis/connection.h"

#include "core/poll.h"
#include "store/redis/faults.h"
#include "store/redis/resolve.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace dlock::redis {
namespace {

enum class Wait { Ready, TimeOut, Interrupted };

Wait wait_for(int fd, short events, const Patience& patience) {
  for (;;) {
    std::array<pollfd, 2> watched{
        {{fd, events, 0}, {patience.interrupt ? patience.interrupt->fd() : -1, POLLIN, 0}}};
    if (!wait_for_any(watched, patience.until)) return Wait::TimeOut;
    if (watched[1].revents != 0 && patience.interrupt->requested()) return Wait::Interrupted;
    if (watched[0].revents != 0) return Wait::Ready;
  }
}

std::string error_text(int error) { return std::string{::strerror(error)}; }

SocketAddress unix_address(const std::string& path) {
  SocketAddress address;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  std::memcpy(&address.storage, &name, sizeof name);
  address.length = sizeof name;
  return address;
}

Result<std::vector<SocketAddress>, std::string> addresses_of(const RedisAddress& address,
                                                             const Patience& patience) {
  if (!address.socket_path.empty()) return std::vector{unix_address(address.socket_path)};
  return resolve(address.host, address.port, patience);
}

/// Starts to connect and waits for the outcome. Returns 0, or the errno; ECANCELED when called off.
int connect_to(const SocketAddress& address, Fd& socket, const Patience& patience) {
  socket = Fd{::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket.open()) return errno;
  const int on = 1;
  if (address.storage.ss_family != AF_UNIX) {
    ::setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address.storage),
                address.length) == 0)
    return 0;
  if (errno != EINPROGRESS) return errno;
  switch (wait_for(socket.number(), POLLOUT, patience)) {
    case Wait::TimeOut:
      return ETIMEDOUT;
    case Wait::Interrupted:
      return ECANCELED;
    case Wait::Ready:
      break;
  }
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.number(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

}  // namespace

void Connection::close() {
  socket_.close();
  reader_.reset();
}

Result<Done, StoreFault> Connection::ensure_open(const Patience& patience) {
  if (socket_.open()) return Done{};
  reader_ = std::make_unique<ReplyReader>();
  auto opened = connect(patience);
  if (opened) opened = log_in(patience);
  if (!opened) {
    close();
    opened.error().not_applied = true;  // the command that the caller has in mind was not sent
  }
  return opened;
}

Result<Done, StoreFault> Connection::connect(const Patience& patience) {
  auto addresses = addresses_of(address_, patience);
  if (!addresses) return unreachable(name_, addresses.error());
  int error = EADDRNOTAVAIL;
  for (const SocketAddress& address : *addresses) {
    error = connect_to(address, socket_, patience);
    if (error == 0) return Done{};
    socket_.close();
    if (error == ECANCELED) return interrupted(name_);
  }
  return unreachable(name_, error_text(error));
}

Result<Done, StoreFault> Connection::log_in(const Patience& patience) {
  std::string bytes;
  std::size_t commands = 0;
  if (!address_.password.empty()) {
    std::vector<std::string_view> auth{"AUTH"};
    if (!address_.user.empty()) auth.push_back(address_.user);
    auth.push_back(address_.password);
    bytes += encode_command(auth);
    ++commands;
  }
  if (address_.database != 0) {
    bytes += encode_command({"SELECT", std::to_string(address_.database)});
    ++commands;
  }
  if (commands == 0) return Done{};
  std::vector<Reply> replies;
  if (auto done = exchange(std::move(bytes), commands, replies, patience); !done) return done;
  for (const Reply& reply : replies) {
    if (reply.is_error()) return error_reply(name_, reply.text);
  }
  return Done{};
}

Result<Reply, StoreFault> Connection::ask(const std::vector<std::string_view>& words,
                                          const Patience& patience) {
  std::vector<Reply> replies;
  if (auto done = exchange(encode_command(words), 1, replies, patience); !done) return done.error();

  return std::move(replies.front());
}

Result<Done, StoreFault> Connection::exchange(std::string bytes, std::size_t count,
                                              std::vector<Reply>& into, const Patience& patience) {
  const auto give_up = [&](StoreFault fault) {
    close();
    return fault;
  };
  const Instant began = BootClock::now();
  std::string_view unsent = bytes;
  while (into.size() < count) {
    const short events = unsent.empty() ? POLLIN : POLLIN | POLLOUT;
    if (!unsent.empty()) {
      const auto sent = ::send(socket_.number(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        unsent.remove_prefix(static_cast<std::size_t>(sent));
        continue;
      }
      if (errno != EAGAIN && errno != EINTR)
        return give_up(connection_broke(name_, error_text(errno)));
    }
    switch (wait_for(socket_.number(), events, patience)) {
      case Wait::TimeOut:
        return give_up(timed_out(name_, patience.until - began));
      case Wait::Interrupted:
        return give_up(interrupted(name_));
      case Wait::Ready:
        break;
    }
    std::array<char, 16384> buffer;
    const auto received = ::recv(socket_.number(), buffer.data(), buffer.size(), 0);
    if (received == 0) return give_up(connection_broke(name_, "the server closed it"));
    if (received < 0) {
      if (errno == EAGAIN || errno == EINTR) continue;
      return give_up(connection_broke(name_, error_text(errno)));
    }
    reader_->feed(buffer.data(), static_cast<std::size_t>(received));
    for (;;) {
      auto reply = reader_->next();
      if (!reply) return give_up(not_redis(name_));
      if (!*reply) break;
      into.push_back(std::move(**reply));
    }
  }
  // Bytes that nobody asked for would be taken for the answer to the next request.
  if (into.size() > count) return give_up(not_redis(name_));
  return Done{};
}

}  // namespace dlock::redis
