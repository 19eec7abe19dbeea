#pragma once

#include "os/fd.h"

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace dlock {

/// One message of a unix socket, with the descriptors that it carried.
struct Datagram {
  std::string text;
  std::vector<Fd> descriptors;
  uid_t sender = static_cast<uid_t>(-1);
};

/// Limits that no regular sender exceeds: systemd accepts 4 KiB.
inline constexpr std::size_t longest_datagram = 16384;
inline constexpr std::size_t most_descriptors = 64;

/// A socket at that path, or `@name`: close-on-exec, never blocking. Only its owner can send to one
/// with a path; for `@name` check the sender of each message. Not open, with errno set, on failure.
Fd bind_datagram_socket(const std::string& path);
Fd connect_datagram_socket(const std::string& path);

/// The next message; empty if there is none. A message that is too long, or has too many
/// descriptors, is returned as an empty one. All descriptors are close-on-exec.
std::optional<Datagram> receive_datagram(const Fd& socket);

/// Never blocks. False with errno set.
bool send_datagram(const Fd& socket, std::string_view text, const std::vector<Fd>& descriptors);

}  // namespace dlock
