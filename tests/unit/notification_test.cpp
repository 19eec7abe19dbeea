// Which lines of a job's notification are for dlock, and which for the service manager.
#include "core/heartbeat.h"

#include <doctest/doctest.h>

using dlock::read_notification;

TEST_CASE("a report is removed from a notification, and MAINPID is never passed on") {
  const auto only_beat = read_notification("WATCHDOG=1\n");
  CHECK(only_beat.beat);
  CHECK(only_beat.rest.empty());
  const auto mixed = read_notification("READY=1\nWATCHDOG=1\nMAINPID=17\nSTATUS=on MAINPID=17");
  CHECK(mixed.beat);
  CHECK(mixed.rest == "READY=1\nSTATUS=on MAINPID=17");
  const auto other = read_notification("WATCHDOG=trigger\nWATCHDOG=10\n");
  CHECK_FALSE(other.beat);
  CHECK(other.rest == "WATCHDOG=trigger\nWATCHDOG=10\n");
  CHECK(read_notification("MAINPID=17").rest.empty());
}
