// Whether dlock refuses privileges that come from its file (set-user-ID, capabilities).
#include "cli/privilege.h"

#include <doctest/doctest.h>

using dlock::cli::Privilege;
using dlock::cli::why_refused;

TEST_CASE("a dlock with privileges that its caller does not have is refused") {
  for (const Privilege& borrowed : {Privilege{.secure_execution = true, .other_user = true},
                                    Privilege{.secure_execution = true, .other_group = true},
                                    Privilege{.secure_execution = true, .capabilities = 1 << 5}}) {
    CHECK_FALSE(why_refused(borrowed).empty());
  }
}

TEST_CASE("a transition of the SELinux or AppArmor domain alone is not refused") {
  CHECK(why_refused({.secure_execution = true}).empty());
}

TEST_CASE("a caller that itself has capabilities or another user ID is not refused") {
  CHECK(why_refused({.other_user = true, .other_group = true, .capabilities = 1}).empty());
}
