#include "supervise/acquire.h"

#include "core/duration.h"
#include "core/text.h"
#include "os/clock.h"
#include "os/wait.h"
#include "supervise/release.h"

#include <algorithm>
#include <array>
#include <utility>

namespace dlock::supervise {
namespace {

using namespace std::chrono_literals;

/// False when the wait was cancelled.
bool pause(Instant until, Cancellation& cancellation) {
  return wait(-1, 0, {until, &cancellation}) != Wait::Cancelled;
}

Instant later(Instant now, Duration length) { return length >= never - now ? never : now + length; }

/// One run's way to the lock.
class Acquisition {
 public:
  Acquisition(Store& store, const Claim& claim, WaitLimit limit, const OwnerHash& part_of,
              Cancellation& cancellation, const WaitNews& news, Log& log)
      : store_(store),
        claim_(claim),
        limit_(limit),
        part_of_(part_of),
        cancellation_(cancellation),
        news_(news),
        log_(log),
        limit_ends_(limit.waits() ? later(began_, limit.most) : never) {}

  using Outcome = std::variant<Grant, NotAcquired>;

  Outcome run() {
    std::optional<Outcome> outcome;
    while (!outcome) outcome = ask();
    return std::move(*outcome);
  }

 private:
  /// Nothing: ask again.
  using Step = std::optional<Outcome>;

  Step ask() {
    const Instant now = BootClock::now();
    if (now >= limit_ends_ && (waiting_for_ || silent_)) return out_of_time();
    auto answer = store_.acquire(claim_, {deadline_for_one(now), &cancellation_});
    if (!answer) return on_fault(answer.error(), now);
    if (std::exchange(silent_, std::nullopt) && limit_.waits())
      log_.notice(about_key() + ": " + store_.name() + " answers again");
    return std::visit([this](auto& what) { return on(what); }, *answer);
  }

  Instant deadline_for_one(Instant now) const {
    const Duration half = claim_.terms.ttl() / 2;
    return std::min(limit_.waits() ? now + half : asked_at_ + half, limit_ends_);
  }

  /// A question that was left less time than an answer may take: that there was none is no news of
  /// the store, and what it said last still counts.
  bool cut_short(Instant asked) const {
    const Instant ends = deadline_for_one(asked);
    return (waiting_for_ || silent_) && ends - asked < claim_.terms.request_timeout() &&
           BootClock::now() >= ends;
  }

  Step on_fault(const StoreFault& fault, Instant asked) {
    ghost_possible_ = ghost_possible_ || !fault.not_applied;
    if (cancellation_.requested()) return called_off();
    if (cut_short(asked)) return out_of_time();
    const Instant next = BootClock::now() + claim_.terms.retry_every();
    if (!silent_) silent_since_ = asked;
    // Who waits for the lock waits for the store as well: only what is refused for good ends that.
    // From a store that has answered before it is so when it lasts: a secret or a certificate may
    // be on its way from the old to the new one.
    const bool refused_for_good =
        fault.exit_code != ExitCode::StoreUnavailable &&
        !(waiting_for_ && BootClock::now() < silent_since_ + claim_.terms.ttl());
    const bool waited_out = limit_.waits() && !refused_for_good;
    const bool tried_again = fault.worth_retrying && next < asked_at_ + claim_.terms.ttl() / 2;
    if (!waited_out && !tried_again) return give_up(failed(fault));
    if (limit_.waits() && !silent_) log_.warn(about_key() + ": " + fault.sentence + "; waiting on");
    announce(about_key() + ": " + fault.sentence);
    log_.debug(fault.sentence + "; trying again");
    silent_ = fault;
    return pause(std::min(next, limit_ends_), cancellation_) ? Step{} : called_off();
  }

  Step on(Held& held) {
    if (waits_for_us(held.holder, part_of_)) {
      if (limit_.waits()) waiting_for_ = held;  // as far as the queue knows
      return give_up({Ending::Held, 0,
                      "held by the run that this command is part of: it can never have it; leave "
                      "the inner dlock out",
                      std::move(held.holder)});
    }
    if (!limit_.waits()) {
      return give_up({Ending::Held, 0, describe(held), std::move(held.holder)});
    }
    announce(about_key() + ", " + describe(held));
    if (!std::exchange(waiting_for_, std::move(held))) tell(" is ", "; waiting for it");
    if (BootClock::now() >= next_notice_) tell(" is still ", "; has waited for " + waited());
    store_.await_turn(claim_, {std::min(limit_ends_, next_notice_), &cancellation_});
    return cancellation_.requested() ? called_off() : Step{};
  }

  Step on(const RecentlyRestarted& young) {
    if (!std::exchange(told_young_, true)) {
      log_.notice(
          about_key() + ": " + store_.name() +
          " came up a moment ago and may have forgotten a holder that still runs: waiting " +
          to_text(young.wait) + " (--trust-restart skips this)");
    }
    announce(store_.name() + ", which may have forgotten a holder that still runs");
    const Instant old_enough = BootClock::now() + young.wait;
    if (!pause(std::min(old_enough, limit_ends_), cancellation_)) return called_off();
    if (old_enough > limit_ends_) {
      return give_up(failed({.sentence = store_.name() +
                                         " came up too short a time ago to be trusted with a lock "
                                         "(--trust-restart skips this)"}));
    }
    asked_at_ = BootClock::now();
    return {};
  }

  Step on(const AlreadyDone& done) { return give_up({Ending::AlreadyDone, 0, describe(done.by)}); }

  Step on(Grant& grant) {
    if (BootClock::now() < grant.stop_by) return std::move(grant);
    // The reply was so slow that the lease may be over already: it starts no job.
    ghost_possible_ = true;
    if (limit_.waits()) return Step{};
    return give_up(failed(
        {.sentence = store_.name() + " answered so late that the lock could have ended already"}));
  }

  Step out_of_time() {
    if (silent_) return give_up(failed(*silent_));
    return give_up(
        {Ending::Held, 0, describe(*waiting_for_) + "; waited " + waited(), waiting_for_->holder});
  }

  Step called_off() { return give_up({Ending::Interrupted, 0, "the wait was called off"}); }

  static NotAcquired failed(const StoreFault& fault) {
    return {Ending::StoreFailed, static_cast<std::int32_t>(fault.exit_code), fault.sentence};
  }

  /// Leaves nothing behind: neither a place in the queue, nor a lock of which we do not know.
  Step give_up(NotAcquired why) {
    // Somebody who wants us to stop does not wait for a silent store.
    constexpr Duration hurried = 200ms;
    const bool called_off = why.ending == Ending::Interrupted;
    if (waiting_for_) store_.leave_queue(claim_, {BootClock::now() + hurried, nullptr});
    if (ghost_possible_) {
      // A request whose reply was lost may have been applied.
      release_lock(store_, claim_, log_,
                   {.timeout = called_off ? hurried : claim_.terms.request_timeout(),
                    .level = LogLevel::Debug});
    }
    return Outcome{std::move(why)};
  }

  void tell(const std::string& is, const std::string& what) {
    next_notice_ = BootClock::now() + 1min;
    const std::string limit =
        limit_.is_forever() ? "" : ", for " + to_text(limit_.most) + " at most";
    log_.notice(about_key() + is + describe(*waiting_for_) + what + limit);
  }

  void announce(const std::string& for_whom) {
    if (for_whom != std::exchange(announced_, for_whom)) news_(for_whom);
  }

  std::string waited() const {
    const Duration time = BootClock::now() - began_;
    return to_text(time < 10s ? std::chrono::round<std::chrono::milliseconds>(time)
                              : std::chrono::round<std::chrono::seconds>(time));
  }

  std::string about_key() const { return about(claim_.key.bytes()); }

  Store& store_;
  const Claim& claim_;
  WaitLimit limit_;
  const OwnerHash& part_of_;
  Cancellation& cancellation_;
  const WaitNews& news_;
  Log& log_;

  Instant began_ = BootClock::now();
  Instant limit_ends_;
  Instant asked_at_ = began_;  // from when on the first answer is awaited
  Instant next_notice_ = never;
  std::optional<Held> waiting_for_;   // the last refusal, if we wait
  std::optional<StoreFault> silent_;  // why it is silent, since the last answer
  Instant silent_since_{};
  std::string announced_;
  bool ghost_possible_ = false;
  bool told_young_ = false;
};

}  // namespace

bool waits_for_us(const Holder& holder, const OwnerHash& part_of) {
  return !part_of.text.empty() && holder.owner == part_of && !holder.held_by_min_hold;
}

std::variant<Grant, NotAcquired> acquire(Store& store, const Claim& claim, WaitLimit limit,
                                         const OwnerHash& part_of, Cancellation& cancellation,
                                         const WaitNews& news, Log& log) {
  return Acquisition{store, claim, limit, part_of, cancellation, news, log}.run();
}

}  // namespace dlock::supervise
