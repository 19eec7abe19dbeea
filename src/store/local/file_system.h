#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dlock::local {

/// A file system on which a lock of flock(2) may exclude nobody, or may be lost while its job runs.
struct UnsureFileSystem {
  std::string name;
  /// Certainly shared with other machines; otherwise dlock cannot tell.
  bool is_network = false;
};

/// Empty if the directory is on a file system of this machine, or if the kernel does not say.
std::optional<UnsureFileSystem> unsure_file_system_of(const std::string& path);

/// The judgement by the number of statfs(2) and, where many kinds have one number, by the name in
/// /proc/self/mountinfo.
std::optional<UnsureFileSystem> unsure_file_system(unsigned long magic, std::string_view type);

}  // namespace dlock::local
