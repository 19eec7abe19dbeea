#pragma once

#include <cstdint>
#include <string>

namespace dlock::cli {

/// What the file of the program gave to this process and its caller has not.
///
/// dlock runs whatever its caller says and writes the files that the caller names: with rights of
/// somebody else it would be a shell of that user for everybody.
struct Privilege {
  /// AT_SECURE. By itself it says little: SELinux and AppArmor set it wherever a domain changes.
  bool secure_execution = false;
  bool other_user = false;
  bool other_group = false;
  std::uint64_t capabilities = 0;  // those that are not inherited as ambient ones

  static Privilege of_this_process();
};

/// Empty if dlock may go on.
std::string why_refused(const Privilege& privilege);

}  // namespace dlock::cli
