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
  Header header{};
  std::array<char, longest_text> text;
  std::array<iovec, 2> parts{{{&header, sizeof header}, {text.data(), text.size()}}};
  msghdr envelope{};
  envelope.msg_iov = parts.data();
  envelope.msg_iovlen = parts.size();
  Rights control{};
  envelope.msg_control = control.bytes.data();
  envelope.msg_controllen = control.bytes.size();
  const auto take = [&] {
    return ::recvmsg(fd_.number(), &envelope, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  };
  ssize_t size = retried(take);
  // If the peer exits with unread messages in its queue, one call fails so, and hides what the peer
  // had sent before. It can come at any moment; a message is therefore received by one call.
  if (size < 0 && errno == ECONNRESET) size = retried(take);
  if (size < 0 && errno == EAGAIN) return {};
  if (size < static_cast<ssize_t>(sizeof header)) {
    peer_gone_ = true;
    return {};
  }
  Message message{header.kind, header.number, header.detail,
                  std::string(text.data(), static_cast<std::size_t>(size) - sizeof header), Fd{}};
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
