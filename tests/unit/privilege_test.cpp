// Whether dlock refuses the rights that its file gave it.
#include "cli/privilege.h"

#include <doctest/doctest.h>

using dlock::cli::Privilege;
using dlock::cli::why_refused;

TEST_CASE("rights that the caller of dlock has not are refused") {
  for (const Privilege& borrowed : {Privilege{.secure_execution = true, .other_user = true},
                                    Privilege{.secure_execution = true, .other_group = true},
                                    Privilege{.secure_execution = true, .capabilities = 1 << 5}}) {
    CHECK_FALSE(why_refused(borrowed).empty());
  }
}

TEST_CASE("a new domain of SELinux or AppArmor alone is no reason to refuse") {
  CHECK(why_refused({.secure_execution = true}).empty());
}

TEST_CASE("who started dlock with capabilities or as another user himself is not refused") {
  CHECK(why_refused({.other_user = true, .other_group = true, .capabilities = 1}).empty());
}
