#include "supervise/channel.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <system_error>

namespace dlock::supervise {
namespace {

struct Header {
  MessageKind kind;
  std::int32_t number;
  std::int32_t detail;
};

constexpr std::size_t longest_text = 8192;

/// Room for one descriptor, with the alignment that the kernel requires.
union Rights {
  cmsghdr header;
  std::array<char, CMSG_SPACE(sizeof(int))> bytes;
};

template <class Call>
ssize_t retried(Call call) {
  ssize_t result = -1;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

/// Returns the size of the next message; 0 at the end. If the peer exits with unread messages in
/// its queue, the first call fails with ECONNRESET, once, and this hides what the peer had sent
/// before. Therefore the call is repeated.
ssize_t size_of_next(int fd) {
  const auto peek = [fd] { return ::recv(fd, nullptr, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT); };
  const ssize_t size = retried(peek);
  return size < 0 && errno == ECONNRESET ? retried(peek) : size;
}

}  // namespace

std::pair<Channel, Channel> Channel::make_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw std::system_error(errno, std::generic_category(), "socketpair");
  }
  return {Channel{Fd{ends[0]}}, Channel{Fd{ends[1]}}};
}

bool Channel::send(const Message& message) {
  Header header{message.kind, message.number, message.detail};
  std::string text = message.text.substr(0, longest_text);
  std::array<iovec, 2> parts{{{&header, sizeof header}, {text.data(), text.size()}}};
  msghdr envelope{};
  envelope.msg_iov = parts.data();
  envelope.msg_iovlen = parts.size();
  Rights control{};
  if (message.fd.open()) {
    envelope.msg_control = control.bytes.data();
    envelope.msg_controllen = control.bytes.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&envelope);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    const int number = message.fd.number();
    std::memcpy(CMSG_DATA(rights), &number, sizeof number);
  }
  return retried([&] { return ::sendmsg(fd_.number(), &envelope, MSG_NOSIGNAL | MSG_DONTWAIT); }) >=
         0;
}

std::optional<Message> Channel::receive() {
  const ssize_t size = size_of_next(fd_.number());

  if (size < 0 && errno == EAGAIN) return {};
  Header header{};
  if (size < static_cast<ssize_t>(sizeof header)) {
    peer_gone_ = true;
    return {};
  }
  std::string text(static_cast<std::size_t>(size) - sizeof header, '\0');
  std::array<iovec, 2> parts{{{&header, sizeof header}, {text.data(), text.size()}}};
  msghdr envelope{};
  envelope.msg_iov = parts.data();
  envelope.msg_iovlen = parts.size();
  Rights control{};
  envelope.msg_control = control.bytes.data();
  envelope.msg_controllen = control.bytes.size();
  if (retried([&] { return ::recvmsg(fd_.number(), &envelope, MSG_DONTWAIT | MSG_CMSG_CLOEXEC); }) <
      0) {
    peer_gone_ = true;  // a message is there but cannot be read, so no later one can be read either
    return {};
  }
  Message message{header.kind, header.number, header.detail, std::move(text), Fd{}};
  for (cmsghdr* part = CMSG_FIRSTHDR(&envelope); part != nullptr;
       part = CMSG_NXTHDR(&envelope, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    int number = -1;
    std::memcpy(&number, CMSG_DATA(part), sizeof number);
    message.fd = Fd{number};
  }
  return message;
}

}  // namespace dlock::supervise
