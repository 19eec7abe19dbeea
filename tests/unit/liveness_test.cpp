#include "supervise/liveness.h"

#include "core/poll.h"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <future>

using namespace dlock;
using namespace dlock::supervise;
using namespace std::chrono_literals;

namespace {

/// Answers a renewal when it is let, and notes what the thread does with it.
class NotingStore final : public Store {
 public:
  Result<AcquireAnswer, StoreFault> acquire(const Claim&, const Patience&) override {
    return StoreFault{};
  }
  Result<RenewAnswer, StoreFault> renew(const Claim& claim, const Grant& grant,
                                        const Patience&) override {
    renewal_began.set_value();
    may_answer.get_future().wait();
    key = claim.key.bytes() + " " + grant.owner.text;
    return RenewAnswer{Extended{grant.stop_by}};
  }
  void await_loss(const Claim&, const Grant&, const Patience& patience) override {
    if (waits++ == 0) due_before_the_wait = patience.interrupt->requested();
    std::array<pollfd, 1> watched{{{patience.interrupt->fd(), POLLIN, 0}}};
    wait_for_any(watched, patience.until);
    due_after_the_wait = patience.interrupt->requested();
  }
  void await_turn(const Claim&, const Patience&) override {}
  void leave_queue(const Claim&, const Patience&) override {}
  Result<ReleaseAnswer, StoreFault> release(const Claim&, const Farewell&,
                                            const Patience&) override {
    return ReleaseAnswer{Released{}};
  }
  std::string name() const override { return "noting"; }

  std::promise<void> renewal_began;
  std::promise<void> may_answer;
  std::atomic<int> waits = 0;
  std::atomic<bool> due_before_the_wait = true;
  std::atomic<bool> due_after_the_wait = false;
  std::string key;
};

Claim some_claim() {
  return {.key = *LockKey::parse("k"), .terms = {10s, 5min}, .process = {}, .host = "web1"};
}

/// Until the thread has moved it, which is the last that it does with a renewal.
bool moves(const SharedDeadline& deadline) {
  for (const Instant until = BootClock::now() + 5s; BootClock::now() < until;) {
    if (deadline.read() != never) return true;
    wait_for_any({}, BootClock::now() + 1ms);
  }
  return false;
}

}  // namespace

TEST_CASE("a thread that was never begun asks the store nothing, and is over at once") {
  SharedDeadline deadline{SharedDeadline::Leases::Expire, SharedDeadline::Over::ForGood, 10s};
  const auto store = std::make_shared<NotingStore>();
  Liveness liveness{store, some_claim(), Grant{}, deadline};
  CHECK(liveness.stop(BootClock::now()));
  CHECK(store->waits == 0);
}

TEST_CASE("between two renewals the thread is called when the next is due, and not before") {
  SharedDeadline deadline{SharedDeadline::Leases::Expire, SharedDeadline::Over::ForGood, 10s};
  const auto store = std::make_shared<NotingStore>();
  const Grant grant{.owner = {"o"}, .stop_by = BootClock::now() + 9s};
  store->may_answer.set_value();
  Liveness liveness{store, some_claim(), grant, deadline};
  const Instant now = BootClock::now();
  liveness.begin(now, now + 30ms);
  store->renewal_began.get_future().wait();
  CHECK(BootClock::now() >= now + 30ms);
  CHECK_FALSE(store->due_before_the_wait);
  CHECK(store->due_after_the_wait);
  CHECK(moves(deadline));
  CHECK(liveness.stop(BootClock::now() + 5s));
  CHECK(liveness.renewals().count == 1);
}

TEST_CASE(
    "a thread that hangs in the store is left behind, and uses nothing that is gone by then") {
  SharedDeadline deadline{SharedDeadline::Leases::Expire, SharedDeadline::Over::ForGood, 10s};
  const auto store = std::make_shared<NotingStore>();
  {
    const Claim claim = some_claim();
    const Grant grant{.owner = {"an owner hash"}, .stop_by = BootClock::now() + 9s};
    Liveness liveness{store, claim, grant, deadline};
    liveness.begin(BootClock::now(), BootClock::now());
    store->renewal_began.get_future().wait();
    CHECK_FALSE(liveness.stop(BootClock::now() + 5ms));
  }
  store->may_answer.set_value();
  CHECK(moves(deadline));
  CHECK(store->key == "k an owner hash");
}
