#include "os/datagram.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace dlock {
namespace {

/// Aligned as the kernel requires.
union RightsAndCredentials {
  cmsghdr header;
  std::array<char, CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(most_descriptors * sizeof(int))> bytes;
};

struct Address {
  sockaddr_un name{};
  socklen_t length = 0;
};

/// Empty, with errno set, if the path is not valid for a unix socket.
std::optional<Address> address_of(const std::string& path) {
  Address address;
  address.name.sun_family = AF_UNIX;
  const bool in_the_file_system = path.starts_with('/');
  if (!in_the_file_system && !path.starts_with('@')) {
    errno = EINVAL;
    return {};
  }
  if (path.size() >= sizeof address.name.sun_path) {
    errno = ENAMETOOLONG;
    return {};
  }
  std::memcpy(address.name.sun_path, path.data(), path.size());
  if (!in_the_file_system) address.name.sun_path[0] = '\0';
  const std::size_t with_its_end = path.size() + (in_the_file_system ? 1 : 0);
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + with_its_end);
  return address;
}

Fd make_socket() { return Fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)}; }

const sockaddr* generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address.name);
}

/// Takes ownership of every descriptor, so that none stays open if the message is discarded.
void take(const cmsghdr& part, Datagram& datagram) {
  if (part.cmsg_level != SOL_SOCKET) return;
  const unsigned char* data = CMSG_DATA(&part);
  if (part.cmsg_type == SCM_CREDENTIALS) {
    ucred who{};
    std::memcpy(&who, data, sizeof who);
    datagram.sender = who.uid;
  }
  if (part.cmsg_type == SCM_RIGHTS) {
    const std::size_t count = (part.cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int number = -1;
      std::memcpy(&number, data + i * sizeof number, sizeof number);
      datagram.descriptors.emplace_back(number);
    }
  }
}

}  // namespace

Fd bind_datagram_socket(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return {};
  Fd socket = make_socket();
  const int yes = 1;
  const bool bound =
      socket.open() &&
      ::setsockopt(socket.number(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) == 0 &&
      ::bind(socket.number(), generic(*address), address->length) == 0 &&
      // Independent of the umask. An abstract socket has no mode: the credentials of a message show
      // its sender.
      (!path.starts_with('/') || ::chmod(path.c_str(), 0600) == 0);
  return bound ? std::move(socket) : Fd{};
}

Fd connect_datagram_socket(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return {};
  Fd socket = make_socket();
  const bool connected =
      socket.open() && ::connect(socket.number(), generic(*address), address->length) == 0;
  return connected ? std::move(socket) : Fd{};
}

std::optional<Datagram> receive_datagram(const Fd& socket) {
  std::array<char, longest_datagram> text;
  iovec part{text.data(), text.size()};
  RightsAndCredentials control{};
  msghdr envelope{};
  envelope.msg_iov = &part;
  envelope.msg_iovlen = 1;
  envelope.msg_control = control.bytes.data();
  envelope.msg_controllen = control.bytes.size();
  ssize_t size = -1;
  do {
    size = ::recvmsg(socket.number(), &envelope, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return {};

  Datagram datagram;
  for (cmsghdr* header = CMSG_FIRSTHDR(&envelope); header != nullptr;
       header = CMSG_NXTHDR(&envelope, header)) {
    take(*header, datagram);
  }
  if ((envelope.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return Datagram{};
  datagram.text.assign(text.data(), static_cast<std::size_t>(size));
  return datagram;
}

bool send_datagram(const Fd& socket, std::string_view text, const std::vector<Fd>& descriptors) {
  iovec part{const_cast<char*>(text.data()), text.size()};
  RightsAndCredentials control{};
  msghdr envelope{};
  envelope.msg_iov = &part;
  envelope.msg_iovlen = 1;
  const std::size_t length = descriptors.size() * sizeof(int);
  if (!descriptors.empty()) {
    envelope.msg_control = control.bytes.data();
    envelope.msg_controllen = CMSG_SPACE(length);
    cmsghdr* const rights = CMSG_FIRSTHDR(&envelope);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(length);
    for (std::size_t i = 0; i < descriptors.size(); ++i) {
      const int number = descriptors[i].number();
      std::memcpy(CMSG_DATA(rights) + i * sizeof number, &number, sizeof number);
    }
  }
  ssize_t sent = -1;
  do {
    sent = ::sendmsg(socket.number(), &envelope, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

}  // namespace dlock
