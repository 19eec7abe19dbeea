// How a run acquires its lock, with a clock that the case sets.
#include "core/acquire_rules.h"

#include <doctest/doctest.h>

using namespace dlock;
using namespace dlock::acquire;
using namespace std::chrono_literals;

namespace {

using Reason = GiveUp::Reason;

constexpr LeaseTerms terms{10s, 5min};
constexpr Instant began{1h};

const StoreFault broken{.sentence = "broken", .not_applied = true, .worth_retrying = true};
const StoreFault no_reply{.sentence = "no reply", .worth_retrying = true};
const StoreFault wrong_password{
    .exit_code = ExitCode::StoreRefused, .sentence = "refused", .not_applied = true};

Rules not_waiting() { return {terms, WaitLimit::none(), began}; }
Rules waiting(Duration most = Duration::max()) { return {terms, {most}, began}; }

GiveUp given_up(const Step& step) {
  REQUIRE(std::holds_alternative<GiveUp>(step));
  return std::get<GiveUp>(step);
}
Reason reason_of(const Step& step) { return given_up(step).reason; }

bool told(const Decision& decision, Notice notice) {
  return std::find(decision.notices.begin(), decision.notices.end(), notice) !=
         decision.notices.end();
}

}  // namespace

TEST_CASE("the job starts only under a lease that has not expired") {
  Rules rules = not_waiting();
  CHECK(rules.next(began) == Step{Ask{began + 5s}});
  CHECK(rules.on(Granted{began + 1ms}, began, began).step == Step{Start{}});

  for (const Instant ended : {began, began - 1ms}) {
    Rules late = not_waiting();
    CHECK(late.on(Granted{ended}, began, began).step ==
          Step{GiveUp{Reason::GrantTooLate, false, /*release=*/true}});
    Rules waits = waiting();
    CHECK(waits.on(Granted{ended}, began, began).step == Step{Ask{began + 5s}});
    CHECK(given_up(waits.cancelled()).release);
  }
}

TEST_CASE("without --wait, requests are retried for half a TTL in total") {
  Rules rules = not_waiting();
  Instant now = began;
  for (;;) {
    REQUIRE(rules.next(now) == Step{Ask{began + 5s}});
    const Step step = rules.on(Failed{broken}, now, now).step;
    if (std::holds_alternative<GiveUp>(step)) {
      CHECK(step == Step{GiveUp{Reason::StoreFailed}});
      break;
    }
    REQUIRE(step == Step{Pause{now + terms.retry_every()}});
    now += terms.retry_every();
  }
  CHECK(now + terms.retry_every() >= began + 5s);
  CHECK(now < began + 5s);

  Rules hopeless = not_waiting();
  CHECK(reason_of(hopeless.on(Failed{wrong_password}, began, began).step) == Reason::StoreFailed);
}

TEST_CASE("a lock is released only if a request without a reply may have been applied") {
  for (const bool applied : {false, true}) {
    Rules rules = not_waiting();
    rules.on(Failed{applied ? no_reply : broken}, began, began);
    CHECK(rules.on(Refused{}, began, began).step == Step{GiveUp{Reason::Held, false, applied}});
  }
}

TEST_CASE("a run leaves the queue only if it was waiting") {
  Rules rules = waiting(1min);
  CHECK(rules.on(Refused{}, began, began).step == Step{AwaitTurn{began + 1min}});
  CHECK(rules.cancelled() == GiveUp{Reason::Cancelled, /*leave_queue=*/true});
  CHECK(rules.next(began + 1min) == Step{GiveUp{Reason::WaitedOut, /*leave_queue=*/true}});

  Rules refused = not_waiting();
  CHECK(refused.on(Refused{}, began, began).step == Step{GiveUp{Reason::Held}});
}

TEST_CASE("no run waits for the run whose job started it") {
  Rules rules = waiting();
  CHECK(rules.on(Refused{.by_outer_run = true}, began, began).step ==
        Step{GiveUp{Reason::HeldByOuterRun, /*leave_queue=*/true}});
}

TEST_CASE("a wait is reported when it begins and then once a minute") {
  Rules rules = waiting();
  Decision first = rules.on(Refused{}, began, began);
  CHECK(told(first, Notice::WaitBegins));
  CHECK(first.step == Step{AwaitTurn{began + 1min}});
  const Decision early = rules.on(Refused{}, began + 59s, began + 59s);
  CHECK(early.notices == std::vector{Notice::Waits});
  const Decision due = rules.on(Refused{}, began + 1min, began + 1min);
  CHECK(told(due, Notice::StillWaits));
  CHECK_FALSE(told(due, Notice::WaitBegins));
  CHECK(due.step == Step{AwaitTurn{began + 2min}});
}

TEST_CASE("a waiter retries a failing store without limit and reports the failure once") {
  Rules rules = waiting();
  const Decision first = rules.on(Failed{broken}, began, began);
  CHECK(told(first, Notice::StoreFails));
  CHECK(first.step == Step{Pause{began + terms.retry_every()}});
  const Instant hours = began + 3h;
  const Decision later = rules.on(Failed{broken}, hours, hours);
  CHECK_FALSE(told(later, Notice::StoreFails));
  CHECK(told(later, Notice::Retries));
  CHECK(later.step == Step{Pause{hours + terms.retry_every()}});
  CHECK(rules.on(Refused{}, hours, hours).notices.front() == Notice::StoreAnswersAgain);
  CHECK_FALSE(told(rules.on(Refused{}, hours, hours), Notice::StoreAnswersAgain));
}

TEST_CASE(
    "a permanent refusal ends the run: at once on the first request, after one TTL for a waiter") {
  Rules at_start = waiting();
  CHECK(reason_of(at_start.on(Failed{wrong_password}, began, began).step) == Reason::StoreFailed);

  Rules queued = waiting();
  queued.on(Refused{}, began, began);
  const auto refused_at = [&](Instant now) {
    return queued.on(Failed{wrong_password}, now, now).step;
  };
  CHECK(std::holds_alternative<Pause>(refused_at(began + 1min)));
  CHECK(std::holds_alternative<Pause>(refused_at(began + 1min + terms.ttl() - 1ms)));
  CHECK(refused_at(began + 1min + terms.ttl()) ==
        Step{GiveUp{Reason::StoreFailed, /*leave_queue=*/true}});
}

TEST_CASE("a request that the wait limit cuts short does not count as a failure of the store") {
  Rules held = waiting(1min);
  held.on(Refused{}, began, began);
  const Instant asked = began + 1min - terms.request_timeout() + 1ms;
  CHECK(held.next(asked) == Step{Ask{began + 1min}});
  CHECK(reason_of(held.on(Failed{no_reply}, asked, began + 1min).step) == Reason::WaitedOut);

  Rules away = waiting(1min);
  away.on(Failed{broken}, began, began);
  CHECK(reason_of(away.on(Failed{no_reply}, asked, began + 1min).step) == Reason::StoreStillFails);

  // The failure of a request that had its full time counts.
  Rules in_time = waiting(1min);
  in_time.on(Refused{}, began, began);
  const Instant early = began + 1min - terms.request_timeout();
  CHECK(std::holds_alternative<Pause>(in_time.on(Failed{no_reply}, early, began + 1min).step));
  CHECK(reason_of(in_time.next(began + 1min)) == Reason::StoreStillFails);
}

TEST_CASE("a run waits for a server that started recently, and then has the full request time") {
  Rules rules = not_waiting();
  const Decision first = rules.on(TooRecent{20s}, began, began);
  CHECK(told(first, Notice::ServerTooRecent));
  CHECK(first.step == Step{Pause{began + 20s}});
  CHECK(rules.next(began + 20s) == Step{Ask{began + 25s}});
  CHECK_FALSE(told(rules.on(TooRecent{1s}, began + 20s, began + 20s), Notice::ServerTooRecent));

  Rules limited = waiting(10s);
  CHECK(limited.on(TooRecent{20s}, began, began).step == Step{Pause{began + 10s}});
  CHECK(reason_of(limited.next(began + 10s)) == Reason::ServerTooRecent);
}

TEST_CASE("cancellation ends the run in every state") {
  Rules rules = waiting();
  CHECK(rules.on(Failed{no_reply, /*cancelled=*/true}, began, began).step ==
        Step{GiveUp{Reason::Cancelled, false, /*release=*/true}});
  CHECK(rules.on(SlotUsed{}, began, began).step == Step{GiveUp{Reason::SlotUsed, false, true}});
}
