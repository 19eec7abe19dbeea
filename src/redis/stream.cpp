#include "redis/stream.h"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace dlock::redis {
namespace {

Transfer outcome(ssize_t count, Transfer::State otherwise) {
  if (count >= 0) return {.count = static_cast<std::size_t>(count)};
  if (errno == EAGAIN || errno == EINTR) return {.state = otherwise};
  return {.state = Transfer::State::Broken, .why = ::strerror(errno)};
}

}  // namespace

Transfer PlainStream::send(std::string_view bytes) {
  return outcome(::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                 Transfer::State::WantsToWrite);
}

Transfer PlainStream::receive(std::span<char> into) {
  const ssize_t count = ::recv(socket_.number(), into.data(), into.size(), 0);
  if (count == 0) return {.state = Transfer::State::Closed};
  return outcome(count, Transfer::State::WantsToRead);
}

}  // namespace dlock::redis
