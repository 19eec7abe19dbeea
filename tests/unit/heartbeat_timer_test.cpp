// When a job that must report progress counts as hung.
#include "core/heartbeat.h"

#include <doctest/doctest.h>

using namespace dlock;
using namespace std::chrono_literals;

namespace {

constexpr Instant start{1h};
constexpr Instant no_report{};

}  // namespace

TEST_CASE("a job hangs when a report is overdue, and this is reported once") {
  HeartbeatTimer timer{10s, start};
  CHECK(timer.due() == start + 10s);
  CHECK_FALSE(timer.hung(start + 10s - 1ns, no_report));
  CHECK(timer.hung(start + 10s, no_report));
  CHECK(timer.due() == never);
  CHECK_FALSE(timer.hung(start + 20s, no_report));
}

TEST_CASE("the timeout runs anew from each report, and first from the start of the job") {
  HeartbeatTimer timer{10s, start};
  CHECK_FALSE(timer.hung(start + 10s, start + 4s));
  CHECK(timer.due() == start + 14s);
  CHECK(timer.hung(start + 14s, start + 4s));
}

TEST_CASE("the timeout is suspended while the job is stopped, and continues with the time left") {
  HeartbeatTimer timer{10s, start};
  timer.stop(start + 7s, no_report);
  CHECK(timer.due() == never);
  CHECK_FALSE(timer.hung(start + 10s, no_report));
  CHECK_FALSE(timer.hung(start + 60s, no_report));
  timer.go_on(start + 100s, no_report);
  CHECK(timer.due() == start + 103s);
  CHECK(timer.hung(start + 103s, no_report));
}

TEST_CASE("a second stop and a second continuation have no effect") {
  HeartbeatTimer timer{10s, start};
  timer.stop(start + 4s, no_report);
  timer.stop(start + 8s, no_report);
  timer.go_on(start + 20s, no_report);
  timer.go_on(start + 24s, no_report);
  CHECK(timer.due() == start + 26s);
}

TEST_CASE("a report from another process of a stopped job counts") {
  HeartbeatTimer timer{10s, start};
  timer.stop(start + 9s, no_report);
  timer.go_on(start + 30s, start + 25s);
  CHECK(timer.due() == start + 35s);
}

TEST_CASE("a timer that is checked much too late starts anew instead of reporting a hang") {
  HeartbeatTimer late{10s, start};
  CHECK(late.hung(start + 10s + HeartbeatTimer::too_late_to_judge, no_report));
  HeartbeatTimer too_late{10s, start};
  const Instant now = start + 10s + HeartbeatTimer::too_late_to_judge + 1ns;
  CHECK_FALSE(too_late.hung(now, no_report));
  CHECK(too_late.due() == now + 10s);
}
