#include "supervise/liveness.h"

#include "os/clock.h"
#include "os/wait.h"
#include "report/report.h"
#include "unit/fake_store.h"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <future>
#include <pthread.h>
#include <vector>

using namespace dlock;
using namespace dlock::supervise;
using namespace std::chrono_literals;

namespace {

/// Answers a renewal when the case allows it, and records what the thread does.
class NotingStore final : public test::FakeStore {
 public:
  NotingStore() {
    on_renew = [this](const Claim& claim, const Grant& grant, const CallDeadline&) {
      renewal_began.set_value();
      may_answer.get_future().wait();
      key = claim.key.bytes() + " " + grant.owner.text;
      return Result<RenewAnswer, StoreFault>{Extended{grant.stop_by}};
    };
    on_await_loss = [this](const CallDeadline& deadline) {
      if (loss_waits == 1) due_before_the_wait = deadline.cancellation->requested();
      wait(-1, 0, deadline);
      due_after_the_wait = deadline.cancellation->requested();
    };
  }

  std::promise<void> renewal_began;
  std::promise<void> may_answer;
  std::atomic<bool> due_before_the_wait = true;
  std::atomic<bool> due_after_the_wait = false;
  std::string key;
};

Claim some_claim() {
  return {.key = *LockKey::parse("k"), .terms = {10s, 5min}, .process = {}, .host = "web1"};
}

/// Waits until the thread has moved the deadline, which is its last step of a renewal.
bool moves(const SharedDeadline& deadline) {
  for (const Instant until = BootClock::now() + 5s; BootClock::now() < until;) {
    if (deadline.read() != never) return true;
    wait_for_any({}, BootClock::now() + 1ms);
  }
  return false;
}

/// Fails each renewal at once until `back`, and records the time of each request.
class AwayStore final : public test::FakeStore {
 public:
  explicit AwayStore(Instant back) {
    on_renew = [this, back](const Claim& claim, const Grant&, const CallDeadline&) {
      const Instant now = BootClock::now();
      asked.push_back(now);
      if (now < back) return Result<RenewAnswer, StoreFault>{StoreFault{.sentence = "away"}};
      return Result<RenewAnswer, StoreFault>{Extended{claim.terms.stop_by(now)}};
    };
  }

  std::vector<Instant> asked;  // read it only after the thread has ended
};

}  // namespace

TEST_CASE("a failed renewal is retried soon, and a successful one is not") {
  // With a TTL of 4 s a renewal is due every 0.8 s, and 0.1 s after a failure.
  SharedDeadline deadline{SharedDeadline::Leases::Expire, SharedDeadline::Over::ForGood, 4s};
  Claim claim = some_claim();
  claim.terms = {4s, 5min};
  const Instant began = BootClock::now();
  const auto store = std::make_shared<AwayStore>(began + 550ms);
  Liveness liveness{store, claim, Grant{.owner = {"o"}, .stop_by = began + 3s}, deadline};
  liveness.begin(began, began);
  liveness.turn(began);
  while (deadline.read() == never && BootClock::now() < began + 5s)
    wait_for_any({}, BootClock::now() + 1ms);
  wait_for_any({}, BootClock::now() + 300ms);
  REQUIRE(liveness.stop(BootClock::now() + 5s));
  REQUIRE(store->asked.size() >= 2);
  const std::size_t failed = store->asked.size() - 1;
  CHECK(failed >= 4);  // five on an idle machine
  CHECK(failed <= 6);
  for (std::size_t i = 1; i <= failed; ++i) CHECK(store->asked[i] - store->asked[i - 1] >= 99ms);
}

TEST_CASE("before its first turn the renewal has no thread, sends no request and stops at once") {
  SharedDeadline deadline{SharedDeadline::Leases::Expire, SharedDeadline::Over::ForGood, 10s};
  const auto store = std::make_shared<NotingStore>();
  Liveness liveness{store, some_claim(), Grant{}, deadline};
  const Instant later = BootClock::now() + 1h;
  liveness.begin(later, later);
  liveness.turn(BootClock::now());
  CHECK(liveness.due() == later);
  CHECK(liveness.stop(BootClock::now()));
  CHECK(store->loss_waits == 0);
}

TEST_CASE("the renewal thread wakes when the next renewal is due, not earlier") {
  SharedDeadline deadline{SharedDeadline::Leases::Expire, SharedDeadline::Over::ForGood, 10s};
  const auto store = std::make_shared<NotingStore>();
  const Grant grant{.owner = {"o"}, .stop_by = BootClock::now() + 9s};
  store->may_answer.set_value();
  Liveness liveness{store, some_claim(), grant, deadline};
  const Instant now = BootClock::now();
  liveness.begin(now, now + 500ms);
  CHECK(liveness.due() == now);
  liveness.turn(now);
  CHECK(liveness.due() == never);
  store->renewal_began.get_future().wait();
  CHECK(BootClock::now() >= now + 500ms);
  CHECK_FALSE(store->due_before_the_wait);
  CHECK(store->due_after_the_wait);
  CHECK(moves(deadline));
  CHECK(liveness.stop(BootClock::now() + 5s));
  CHECK(liveness.renewals().count == 1);
}

TEST_CASE("a renewal thread that hangs in the store is abandoned and uses no freed object") {
  SharedDeadline deadline{SharedDeadline::Leases::Expire, SharedDeadline::Over::ForGood, 10s};
  const auto store = std::make_shared<NotingStore>();
  {
    const Claim claim = some_claim();
    const Grant grant{.owner = {"an owner hash"}, .stop_by = BootClock::now() + 9s};
    Liveness liveness{store, claim, grant, deadline};
    const Instant now = BootClock::now();
    liveness.begin(now, now);
    liveness.turn(now);
    store->renewal_began.get_future().wait();
    CHECK_FALSE(liveness.stop(BootClock::now() + 5ms));
  }
  store->may_answer.set_value();
  CHECK(moves(deadline));
  CHECK(store->key == "k an owner hash");
}

TEST_CASE("a lost lock is reported with all details from the store, and is not renewed again") {
  SharedDeadline deadline{SharedDeadline::Leases::Expire, SharedDeadline::Over::ForGood, 10s};
  const auto store = std::make_shared<test::FakeStore>();
  std::atomic<bool> in_time = false;
  store->on_renew = [&in_time](const Claim& claim, const Grant&, const CallDeadline& due) {
    in_time = due.until - BootClock::now() <= claim.terms.request_timeout();
    return Result<RenewAnswer, StoreFault>{Lost{"taken over", Holder{.host = "web2"}, true}};
  };
  Liveness liveness{store, some_claim(), Grant{.owner = {"o"}}, deadline};
  const Instant now = BootClock::now();
  liveness.begin(now, now);
  liveness.turn(now);
  std::array<pollfd, 1> watched{{{liveness.fd(), POLLIN, 0}}};
  REQUIRE(wait_for_any(watched, now + 10s));
  const LivenessNews news = liveness.take_news();
  REQUIRE(news.lost.has_value());
  CHECK(news.lost->how == "taken over");
  CHECK(news.lost->to->host == "web2");
  CHECK(news.lost->by_force);
  CHECK(liveness.stop(BootClock::now() + 10s));
  CHECK(store->renewals == 1);
  CHECK(in_time);
}

TEST_CASE("without a thread the lock is renewed in the main loop") {
  SharedDeadline deadline{SharedDeadline::Leases::Expire, SharedDeadline::Over::ForGood, 10s};
  const Instant now = BootClock::now();
  const auto store = std::make_shared<AwayStore>(now);
  Liveness liveness{store, some_claim(), Grant{.owner = {"o"}}, deadline};
  liveness.begin(now, now + 20ms);
  pthread_attr_t before;
  pthread_attr_t too_large;  // more than any memory has
  REQUIRE(::pthread_getattr_default_np(&before) == 0);
  REQUIRE(::pthread_getattr_default_np(&too_large) == 0);
  ::pthread_attr_setstacksize(&too_large, std::size_t{1} << 47);
  REQUIRE(::pthread_setattr_default_np(&too_large) == 0);
  liveness.turn(now);
  const Instant first = liveness.due();
  liveness.turn(now + 20ms);
  const Instant second = liveness.due();
  ::pthread_setattr_default_np(&before);
  CHECK(first == now + 20ms);
  CHECK(store->asked.size() == 1);
  CHECK(second >= now + some_claim().terms.renew_every());
  CHECK(second < now + 2 * some_claim().terms.renew_every());
  CHECK(deadline.read() != never);
  CHECK(liveness.stop(BootClock::now()));
}

TEST_CASE("the longest renewal time is reported, whichever renewal took it") {
  RenewalTimes times;
  for (const Duration time : {Duration{2ms}, Duration{9ms}, Duration{4ms}}) times.add(time);
  CHECK(times.count == 3);
  CHECK(times.sum == 15ms);
  CHECK(times.longest == 9ms);
}
