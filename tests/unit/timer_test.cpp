// A timer for times in the future, which fires at once for times in the past.
#include "os/timer.h"

#include "core/time.h"
#include "os/clock.h"
#include "os/wait.h"

#include <doctest/doctest.h>

#include <array>

using namespace dlock;
using namespace std::chrono_literals;

namespace {

bool rings_within(const Timer& timer, Duration time) {
  std::array<pollfd, 1> watched{{{timer.fd(), POLLIN, 0}}};
  return wait_for_any(watched, BootClock::now() + time);
}

}  // namespace

TEST_CASE("a timer fires at its time, at once for a time in the past, and never if none is set") {
  Timer timer;
  CHECK_FALSE(rings_within(timer, 5ms));
  const Instant due = BootClock::now() + 30ms;
  timer.arm(due);
  CHECK(rings_within(timer, 5s));
  CHECK(BootClock::now() >= due);
  timer.arm(never);
  CHECK_FALSE(rings_within(timer, 5ms));
  timer.arm(BootClock::now() - 1s);
  CHECK(rings_within(timer, 5s));
  timer.arm(never);
  timer.arm(Instant{});  // a shared deadline whose memory was overwritten
  CHECK(rings_within(timer, 5s));
}

TEST_CASE("an alarm fires once, not before its time, and never if none is set") {
  Alarm alarm;
  const Instant due = BootClock::now();
  CHECK_FALSE(alarm.rings(due));
  alarm.set(due);
  CHECK_FALSE(alarm.rings(due - 1ms));
  CHECK(alarm.at() == due);
  CHECK(alarm.rings(due));
  CHECK_FALSE(alarm.rings(due + 1h));
  CHECK(alarm.at() == never);
}
