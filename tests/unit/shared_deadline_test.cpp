#include "job/shared_deadline.h"

#include "os/clock.h"

#include <doctest/doctest.h>

using namespace dlock;
using namespace std::chrono_literals;

TEST_CASE("the first deadline counts even if it had passed before it was set") {
  for (const auto over : {SharedDeadline::Over::ForGood, SharedDeadline::Over::UntilRenewed}) {
    SharedDeadline deadline{SharedDeadline::Leases::Expire, over, 10s};
    CHECK(deadline.read() == never);
    const Instant passed = BootClock::now() - 1s;
    deadline.move_to(passed);
    CHECK(deadline.read() == passed);
  }
}

TEST_CASE("a deadline that has passed is final, unless a renewal may restore the lease") {
  for (const auto& [over, moves] : {std::pair{SharedDeadline::Over::ForGood, false},
                                    {SharedDeadline::Over::UntilRenewed, true}}) {
    SharedDeadline deadline{SharedDeadline::Leases::Expire, over, 10s};
    deadline.move_to(BootClock::now() - 1s);
    deadline.move_to(BootClock::now() + 5s);
    CHECK((deadline.read() > BootClock::now()) == moves);
  }
}

TEST_CASE("a deadline is at most one TTL away, and a time in the past does not move it") {
  SharedDeadline deadline{SharedDeadline::Leases::Expire, SharedDeadline::Over::ForGood, 10s};
  deadline.move_to(BootClock::now() + 1h);
  const Instant read = deadline.read();
  CHECK(read <= BootClock::now() + 10s);
  const Instant soon = BootClock::now() + 5s;
  deadline.move_to(soon);
  deadline.move_to(BootClock::now() - 1s);
  CHECK(deadline.read() == soon);
}
