#include "os/process.h"
#include "store/local/clocks.h"
#include "unit/child.h"

#include <doctest/doctest.h>

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace dlock;
using namespace std::chrono_literals;

TEST_CASE("the boot clock of the machine is computed from the offset of the time namespace") {
  CHECK(local::boot_clock_offset("monotonic           0         0\n"
                                 "boottime       100000        17\n") == 100000s + 17ns);
  CHECK(local::boot_clock_offset("monotonic 0 0\nboottime -5 999999999\n") == -4s - 1ns);
  for (const char* no_such_file : {"", "boottime", "boottime x 0", "monotonic 7 0\n"}) {
    CAPTURE(no_such_file);
    CHECK(local::boot_clock_offset(no_such_file) == 0s);
  }
}

TEST_CASE("a time namespace that applies only to children is detected") {
  CHECK_FALSE(time_namespace_begins_with_children());
  constexpr int no_such_right = 2;
  const pid_t child = test::fork_child();
  if (child == 0) {
    if (::unshare(CLONE_NEWTIME) != 0) ::_exit(no_such_right);
    ::_exit(time_namespace_begins_with_children() ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == no_such_right) {
    MESSAGE("skipped: no time namespace can be made here");
    return;
  }
  CHECK(WEXITSTATUS(status) == 0);
}
