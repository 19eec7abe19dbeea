#include "core/lease.h"

#include "job/shared_deadline.h"
#include "os/clock.h"

#include <doctest/doctest.h>

using namespace dlock;
using namespace std::chrono_literals;

constexpr Instant t0{1h};
constexpr LeaseTerms ten_seconds{10s, 5min};

TEST_CASE("with a TTL of 10 s the job must be dead 9.398 s after the last renewal was sent") {
  CHECK(ten_seconds.stop_by(t0) == t0 + 9398ms);
}

TEST_CASE("the first renewal is due 2 s after the request was sent, however late its reply came") {
  CHECK(ten_seconds.first_renewal(t0 + 1500ms, ten_seconds.stop_by(t0)) == t0 + 2s);
  CHECK(ten_seconds.first_renewal(t0, never) == t0 + 2s);
}

TEST_CASE("with a TTL of 10 s the job survives an outage of 6.3 s in the worst case") {
  // The worst case: the outage begins right before a renewal is due, and its request times out.
  const Duration ridden_out =
      ten_seconds.stop_by(t0) - t0 - ten_seconds.renew_every() - ten_seconds.request_timeout();
  CHECK(ridden_out == 6398ms);
}

TEST_CASE("with a TTL of 10 s renewals can fail for 7.398 s before the job is killed") {
  // The first failing renewal is sent one interval, 2 s, after the last successful one.
  CHECK(ten_seconds.longest_failing() == 7398ms);
  CHECK(LeaseTerms{LeaseTerms::least_ttl(), 5min}.longest_failing() > 500ms);
}

TEST_CASE("the front kills after the engine and before the liveness expires") {
  for (const Duration ttl : {Duration{LeaseTerms::least_ttl()}, Duration{10s}, Duration{24h}}) {
    const LeaseTerms terms{ttl, ttl};
    CHECK(terms.stop_by(t0) + LeaseTerms::front_delay < t0 + ttl - ttl / 100);
  }
}

TEST_CASE("the shortest TTL leaves time for a second full attempt after a renewal that timed out") {
  const auto room = [](Duration ttl) {
    const LeaseTerms terms{ttl, ttl};
    return terms.stop_by(t0) - t0 - 2 * (terms.renew_every() + terms.request_timeout());
  };
  CHECK(LeaseTerms::least_ttl() == 1300ms);
  CHECK(room(LeaseTerms::least_ttl()) >= 0s);
  CHECK(room(LeaseTerms::least_ttl() - 100ms) < 0s);
}

TEST_CASE("each renewal moves the shared deadline until it has passed, and none after that") {
  SharedDeadline deadline{SharedDeadline::Leases::Expire, SharedDeadline::Over::ForGood, 10s};
  CHECK(deadline.read() == never);
  const Instant soon = BootClock::now() + 5s;
  deadline.move_to(soon);
  CHECK(deadline.read() == soon);
  deadline.move_to(soon + 2s);
  CHECK(deadline.read() == soon + 2s);
  deadline.move_to(BootClock::now() - 1s);  // a reply that arrives after its lease has expired
  CHECK(deadline.read() == soon + 2s);

  SharedDeadline short_one{SharedDeadline::Leases::Expire, SharedDeadline::Over::ForGood, 10s};
  const Instant at_once = BootClock::now() + 1ms;
  short_one.move_to(at_once);
  while (BootClock::now() <= at_once) {
  }
  short_one.move_to(BootClock::now() + 9s);
  CHECK(short_one.read() == at_once);
}

TEST_CASE("a deadline more than one TTL from now is not trusted, whatever value is in memory") {
  SharedDeadline deadline{SharedDeadline::Leases::Expire, SharedDeadline::Over::ForGood, 10s};
  deadline.move_to(BootClock::now() + 24h);
  const Instant believed = deadline.read();
  CHECK(believed <= BootClock::now() + 10s);
}

TEST_CASE("with --on-silence=continue a late renewal restores the lease") {
  SharedDeadline deadline{SharedDeadline::Leases::Expire, SharedDeadline::Over::UntilRenewed, 10s};
  const Instant at_once = BootClock::now() + 1ms;
  deadline.move_to(at_once);
  while (BootClock::now() <= at_once) {
  }
  const Instant later = BootClock::now() + 9s;
  deadline.move_to(later);
  CHECK(deadline.read() == later);
}

TEST_CASE("leases of the embedded store have no deadline") {
  SharedDeadline deadline{SharedDeadline::Leases::Last, SharedDeadline::Over::ForGood, 10s};
  deadline.move_to(never);
  CHECK(deadline.read() == never);
}
