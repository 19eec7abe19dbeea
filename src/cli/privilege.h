#pragma once

#include <cstdint>
#include <string>

namespace dlock::cli {

/// The rights that this process has from the program's file and that its caller lacks.
///
/// dlock runs any command of its caller and writes files that the caller names. With the rights of
/// another user it would give every caller a shell of that user.
struct Privilege {
  /// AT_SECURE. On its own it means little: SELinux and AppArmor set it at every domain transition.
  bool secure_execution = false;
  bool other_user = false;
  bool other_group = false;
  std::uint64_t capabilities = 0;  // those that are not inherited as ambient ones

  static Privilege of_this_process();
};

/// Returns the reason to refuse to run; empty if dlock may continue.
std::string why_refused(const Privilege& privilege);

}  // namespace dlock::cli
