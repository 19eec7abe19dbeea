#include "cli/privilege.h"

#include <array>
#include <linux/capability.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dlock::cli {
namespace {

/// Capabilities that are permitted but not ambient: except for root, they can only come from the
/// program's file.
std::uint64_t capabilities_of_the_file() {
  if (::getuid() == 0) return 0;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return 0;
  const std::uint64_t permitted = std::uint64_t{sets[1].permitted} << 32 | sets[0].permitted;
  std::uint64_t extra = permitted;
  for (unsigned number = 0; number < 64; ++number) {
    if ((permitted >> number & 1) != 0 &&
        ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, number, 0, 0) == 1)
      extra &= ~(std::uint64_t{1} << number);
  }
  return extra;
}

}  // namespace

Privilege Privilege::of_this_process() {
  if (::getauxval(AT_SECURE) == 0) return {};  // almost always
  return {.secure_execution = true,
          .other_user = ::getuid() != ::geteuid(),
          .other_group = ::getgid() != ::getegid(),
          .capabilities = capabilities_of_the_file()};
}

std::string why_refused(const Privilege& privilege) {
  const std::string why =
      "so any user who can start it would have these rights for any command; nothing was started; ";
  if (!privilege.secure_execution) return {};
  if (privilege.other_user || privilege.other_group) {
    return std::string{"dlock was started as a set-"} + (privilege.other_user ? "user" : "group") +
           "-ID program, " + why +
           "remove the bit from its file (chmod ug-s), and let sudo decide who can run what";
  }
  if (privilege.capabilities == 0) return {};
  return "the file of dlock has capabilities, " + why +
         "remove them (setcap -r), and give the job those that it needs by sudo or systemd";
}

}  // namespace dlock::cli
