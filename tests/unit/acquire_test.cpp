// How a run acquires its lock, with a store whose answers the case sets.
#include "supervise/acquire.h"

#include "os/clock.h"
#include "os/wait.h"
#include "unit/fake_store.h"
#include "unit/noting_log.h"

#include <doctest/doctest.h>

#include <deque>
#include <functional>

using namespace dlock;
using namespace dlock::supervise;
using namespace std::chrono_literals;

namespace {

/// Gives these answers, one for each request.
class ScriptedStore final : public test::FakeStore {
 public:
  using Answer = std::function<Result<AcquireAnswer, StoreFault>()>;

  explicit ScriptedStore(std::deque<Answer> answers) : answers_(std::move(answers)) {
    on_acquire = [this](const CallDeadline&) {
      REQUIRE_FALSE(answers_.empty());
      const Answer answer = std::move(answers_.front());
      answers_.pop_front();
      return answer();
    };
  }
  std::size_t unused() const { return answers_.size(); }

 private:
  std::deque<Answer> answers_;
};

class Cancelled final : public Cancellation {
 public:
  explicit Cancelled(bool at_once = false) : requested_(at_once) {
    if (at_once) wake(event_);
  }
  int fd() const override { return event_.number(); }
  bool requested() override { return requested_; }

 private:
  bool requested_;
  Fd event_ = make_event_fd();
};

Grant grant_for(Duration left) {
  return {.owner = {"k@host/1.1.1"}, .token = {1}, .stop_by = BootClock::now() + left};
}

ScriptedStore::Answer says(AcquireAnswer answer) {
  return [answer] { return Result<AcquireAnswer, StoreFault>{answer}; };
}
ScriptedStore::Answer fails(StoreFault fault) {
  return [fault] { return Result<AcquireAnswer, StoreFault>{fault}; };
}

Held held_by(const std::string& owner, bool held_by_min_hold = false) {
  Held held;
  held.holder.owner = {owner};
  held.holder.host = "web1";
  held.holder.held_by_min_hold = held_by_min_hold;
  return held;
}

constexpr LeaseTerms terms{300ms, 5min};

std::variant<Grant, NotAcquired> acquire_from(ScriptedStore& store, WaitLimit limit,
                                              const std::string& part_of = "",
                                              bool cancelled = false) {
  const Claim claim{.key = *LockKey::parse("k"), .terms = terms, .process = {}, .host = "web1"};
  test::NotingLog log;
  Cancelled interrupt{cancelled};
  return acquire(
      store, claim, limit, OwnerHash{part_of}, interrupt, [](const std::string&) {}, log);
}

Ending ending_of(const std::variant<Grant, NotAcquired>& outcome) {
  REQUIRE(std::holds_alternative<NotAcquired>(outcome));
  return std::get<NotAcquired>(outcome).ending;
}

}  // namespace

TEST_CASE("a grant that arrives after its lease has expired starts no job and is released") {
  ScriptedStore late{{says(grant_for(-1ms))}};
  CHECK(ending_of(acquire_from(late, WaitLimit::none())) == Ending::StoreFailed);
  CHECK(late.releases == 1);

  ScriptedStore late_then_in_time{{says(grant_for(-1ms)), says(grant_for(1s))}};
  CHECK(std::holds_alternative<Grant>(acquire_from(late_then_in_time, WaitLimit::forever())));
}

TEST_CASE("only an attempt whose reply was lost is followed by a release") {
  ScriptedStore lost{{fails({.sentence = "lost"})}};
  CHECK(ending_of(acquire_from(lost, WaitLimit::none())) == Ending::StoreFailed);
  CHECK(lost.releases == 1);

  ScriptedStore lost_then_held{
      {fails({.sentence = "lost", .worth_retrying = true}), says(held_by("other"))}};
  CHECK(ending_of(acquire_from(lost_then_held, WaitLimit::none())) == Ending::Held);
  CHECK(lost_then_held.releases == 1);

  ScriptedStore not_applied{{fails({.sentence = "refused", .not_applied = true})}};
  acquire_from(not_applied, WaitLimit::none());
  CHECK(not_applied.releases == 0);

  ScriptedStore held{{says(held_by("other"))}};
  acquire_from(held, WaitLimit::none());
  CHECK(held.releases == 0);
}

TEST_CASE("a broken connection is retried for half a TTL, and without limit by a waiter") {
  const StoreFault broken{.sentence = "broken", .not_applied = true, .worth_retrying = true};
  ScriptedStore soon_back{{fails(broken), says(grant_for(1s))}};
  CHECK(std::holds_alternative<Grant>(acquire_from(soon_back, WaitLimit::none())));

  std::deque<ScriptedStore::Answer> broken_for_long(1000, fails(broken));
  ScriptedStore away{broken_for_long};
  const Instant began = BootClock::now();
  CHECK(ending_of(acquire_from(away, WaitLimit::none())) == Ending::StoreFailed);
  const Duration took = BootClock::now() - began;
  CHECK(took <= terms.ttl());
  CHECK(took >= terms.ttl() / 2 - 2 * terms.retry_every());
  CHECK(away.unused() > 0);

  const Instant back = BootClock::now() + 2 * terms.ttl();
  std::deque<ScriptedStore::Answer> answers(1000, [back, broken] {
    if (BootClock::now() < back) return Result<AcquireAnswer, StoreFault>{broken};
    return Result<AcquireAnswer, StoreFault>{AcquireAnswer{grant_for(1s)}};
  });
  ScriptedStore store{answers};
  CHECK(std::holds_alternative<Grant>(acquire_from(store, WaitLimit::forever())));
}

TEST_CASE(
    "a waiter stays in the queue until it acquires the lock, and leaves the queue when it gives "
    "up") {
  ScriptedStore gets_it{{says(held_by("other")), says(held_by("other")), says(grant_for(1s))}};
  CHECK(std::holds_alternative<Grant>(acquire_from(gets_it, WaitLimit::forever())));
  CHECK(gets_it.turn_waits == 2);
  CHECK(gets_it.queue_leaves == 0);

  std::deque<ScriptedStore::Answer> held_for_long(100'000, says(held_by("other")));
  ScriptedStore gives_up{held_for_long};
  CHECK(ending_of(acquire_from(gives_up, {50ms})) == Ending::Held);
  CHECK(gives_up.queue_leaves == 1);
}

TEST_CASE(
    "a nested run does not wait for its parent run, but waits for a lock that --min-hold keeps") {
  ScriptedStore ours{{says(held_by("k@host/1.1.1"))}};
  CHECK(ending_of(acquire_from(ours, WaitLimit::forever(), "k@host/1.1.1")) == Ending::Held);

  ScriptedStore kept{
      {says(held_by("k@host/1.1.1", /*held_by_min_hold=*/true)), says(grant_for(1s))}};
  CHECK(std::holds_alternative<Grant>(acquire_from(kept, WaitLimit::forever(), "k@host/1.1.1")));
  CHECK(kept.turn_waits == 1);
}

TEST_CASE("a run waits for a server that started recently, with or without --wait") {
  ScriptedStore young{{says(RecentlyRestarted{20ms}), says(grant_for(1s))}};
  const Instant began = BootClock::now();
  CHECK(std::holds_alternative<Grant>(acquire_from(young, WaitLimit::none())));
  CHECK(BootClock::now() - began >= 20ms);
}

TEST_CASE("a run whose slot is used is not started") {
  ScriptedStore done{{says(AlreadyDone{})}};
  CHECK(ending_of(acquire_from(done, WaitLimit::forever())) == Ending::AlreadyDone);
}

TEST_CASE("the wait for a server that started recently ends at the limit of --wait") {
  ScriptedStore young{{says(RecentlyRestarted{5s})}};
  const Instant began = BootClock::now();
  CHECK(ending_of(acquire_from(young, {20ms})) == Ending::StoreFailed);
  CHECK(BootClock::now() - began < 4s);
}

TEST_CASE(
    "a store that refuses the run ends it at once, or after one TTL if it was already waiting") {
  const StoreFault refusal{
      .exit_code = ExitCode::StoreRefused, .sentence = "wrong password", .not_applied = true};
  ScriptedStore refuses{{fails(refusal)}};
  CHECK(ending_of(acquire_from(refuses, WaitLimit::forever())) == Ending::StoreFailed);

  std::deque<ScriptedStore::Answer> answers(1000, fails(refusal));
  answers.push_front(says(held_by("other")));
  ScriptedStore rotates{answers};
  const Instant began = BootClock::now();
  CHECK(ending_of(acquire_from(rotates, WaitLimit::forever())) == Ending::StoreFailed);
  CHECK(BootClock::now() - began >= terms.ttl());
  CHECK(rotates.unused() > 0);
}

TEST_CASE(
    "a cancelled run sends no further request and leaves neither a lock nor a place in the queue") {
  ScriptedStore silent{{fails({.sentence = "silent", .worth_retrying = true})}};
  CHECK(ending_of(acquire_from(silent, WaitLimit::forever(), "", /*cancelled=*/true)) ==
        Ending::Interrupted);
  CHECK(silent.releases == 1);

  ScriptedStore only_once{{fails({.sentence = "the wait was cancelled"})}};
  CHECK(ending_of(acquire_from(only_once, WaitLimit::none(), "", /*cancelled=*/true)) ==
        Ending::Interrupted);

  ScriptedStore held{{says(held_by("other"))}};
  CHECK(ending_of(acquire_from(held, WaitLimit::forever(), "", /*cancelled=*/true)) ==
        Ending::Interrupted);
  CHECK(held.queue_leaves == 1);
}
