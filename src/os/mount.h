#pragma once

#include <optional>
#include <string>

namespace dlock {

/// The mount of an open file or directory, as /proc/self/mountinfo describes it (proc(5)).
struct Mount {
  std::string type;  // `ext4`, `fuse.sshfs`
  /// Whether it follows a mount of another mount namespace: it is a copy of that one.
  bool follows_another = false;
};

/// Empty if /proc does not tell.
std::optional<Mount> mount_of(int fd);

}  // namespace dlock
