#include "supervise/acquire.h"

#include "core/acquire_rules.h"
#include "core/duration.h"
#include "core/text.h"
#include "os/clock.h"
#include "os/wait.h"
#include "supervise/release.h"

#include <optional>
#include <utility>

namespace dlock::supervise {
namespace {

using namespace std::chrono_literals;

using Reason = acquire::GiveUp::Reason;

/// Carries out what acquire::Rules decides: asks the store, waits, and tells people why.
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
        rules_(claim.terms, limit, began_) {}

  using Outcome = std::variant<Grant, NotAcquired>;

  Outcome run() {
    acquire::Step step = rules_.next(BootClock::now());
    for (;;) {
      if (const auto* const ask_by = std::get_if<acquire::Ask>(&step)) {
        step = ask(ask_by->until);
      } else if (const auto* const pause = std::get_if<acquire::Pause>(&step)) {
        const bool cancelled = wait(-1, 0, {pause->until, &cancellation_}) == Wait::Cancelled;
        step = cancelled ? rules_.cancelled() : rules_.next(BootClock::now());
      } else if (const auto* const turn = std::get_if<acquire::AwaitTurn>(&step)) {
        store_.await_turn(claim_, {turn->until, &cancellation_});
        step = cancellation_.requested() ? rules_.cancelled() : rules_.next(BootClock::now());
      } else if (std::holds_alternative<acquire::Start>(step)) {
        return std::move(*grant_);
      } else {
        return give_up(std::get<acquire::GiveUp>(step));
      }
    }
  }

 private:
  acquire::Step ask(Instant until) {
    const Instant asked = BootClock::now();
    auto answer = store_.acquire(claim_, {until, &cancellation_});
    const acquire::Answer event =
        answer ? std::visit([this](auto& what) { return keep(what); }, *answer)
               : keep(std::move(answer.error()));
    const acquire::Decision decision = rules_.on(event, asked, BootClock::now());
    for (const acquire::Notice notice : decision.notices) tell(notice);
    return decision.step;
  }

  // The answers of the store are kept for later messages.

  acquire::Answer keep(Grant& grant) {
    const Instant stop_by = grant.stop_by;
    grant_ = std::move(grant);
    return acquire::Granted{stop_by};
  }
  acquire::Answer keep(Held& held) {
    refusal_ = std::move(held);
    return acquire::Refused{waits_for_us(refusal_->holder, part_of_)};
  }
  acquire::Answer keep(RecentlyRestarted& restarted) {
    server_age_wait_ = restarted.wait;
    return acquire::TooRecent{restarted.wait};
  }
  acquire::Answer keep(AlreadyDone& done) {
    done_ = std::move(done);
    return acquire::SlotUsed{};
  }
  acquire::Answer keep(StoreFault fault) {
    acquire::Failed failed{fault, cancellation_.requested()};
    latest_fault_ = std::move(fault);
    return failed;
  }

  void tell(acquire::Notice notice) {
    using acquire::Notice;
    switch (notice) {
      case Notice::StoreAnswersAgain:
        return log_.notice(store_.name() + " answers again");
      case Notice::StoreFails:
        return log_.warn(latest_fault_.sentence + "; still waiting");
      case Notice::Retries:
        announce(about(claim_.key.bytes()) + ": " + latest_fault_.sentence);
        retried_fault_ = latest_fault_;
        return log_.debug(latest_fault_.sentence + "; retrying");
      case Notice::Waits:
        return announce(about(claim_.key.bytes()) + ", " + describe(*refusal_));
      case Notice::WaitBegins:
        return tell_of_wait("the lock is ", "; waiting for it");
      case Notice::StillWaits:
        return tell_of_wait("the lock is still ", "; waited " + waited() + " so far");
      case Notice::ServerTooRecent:
        return log_.notice(
            store_.name() +
            " started recently and may have lost the lock of a running job; waiting " +
            to_text(server_age_wait_) + " (--trust-restart skips this)");
      case Notice::WaitsForServer:
        return announce(store_.name() + ", which may have lost the lock of a running job");
    }
  }

  void tell_of_wait(const std::string& is, const std::string& what) {
    const std::string limit = limit_.is_forever() ? "" : ", at most " + to_text(limit_.most);
    log_.notice(is + describe(*refusal_) + what + limit);
  }

  void announce(const std::string& for_whom) {
    if (for_whom != std::exchange(announced_, for_whom)) news_(for_whom);
  }

  /// Leaves nothing behind: neither a place in the queue, nor a lock of which dlock does not know.
  Outcome give_up(const acquire::GiveUp& how) {
    // A run that is asked to end does not wait for a store that does not answer.
    constexpr Duration hurried = 200ms;
    if (how.leave_queue) store_.leave_queue(claim_, {BootClock::now() + hurried, nullptr});
    if (how.release) {
      const bool cancelled = how.reason == Reason::Cancelled;
      release_lock(store_, claim_, log_,
                   {.timeout = cancelled ? hurried : claim_.terms.request_timeout(),
                    .level = LogLevel::Debug});
    }
    return Outcome{why(how.reason)};
  }

  NotAcquired why(Reason reason) {
    switch (reason) {
      case Reason::Held:
        return {Ending::Held, 0, describe(*refusal_), std::move(refusal_->holder)};
      case Reason::HeldByOuterRun:
        return {Ending::Held, 0,
                "held by the run that started this command, so it can never acquire the lock; "
                "remove the inner dlock",
                std::move(refusal_->holder)};
      case Reason::WaitedOut:
        return {Ending::Held, 0, describe(*refusal_) + "; waited " + waited(),
                std::move(refusal_->holder)};
      case Reason::StoreFailed:
        return failed(latest_fault_);
      case Reason::StoreStillFails:
        return failed(retried_fault_);
      case Reason::ServerTooRecent:
        return failed(
            {.sentence =
                 store_.name() +
                 " started too recently to be trusted with a lock (--trust-restart skips this)"});
      case Reason::GrantTooLate:
        return failed(
            {.sentence = store_.name() + " answered so late that the lock could have expired"});
      case Reason::SlotUsed:
        return {Ending::AlreadyDone, 0, describe(done_.by)};
      case Reason::Cancelled:
        break;
    }
    return {Ending::Interrupted, 0, "the wait was cancelled"};
  }

  static NotAcquired failed(const StoreFault& fault) {
    return {Ending::StoreFailed, static_cast<std::int32_t>(fault.exit_code), fault.sentence};
  }

  std::string waited() const {
    const Duration time = BootClock::now() - began_;
    return to_text(time < 10s ? std::chrono::round<std::chrono::milliseconds>(time)
                              : std::chrono::round<std::chrono::seconds>(time));
  }

  Store& store_;
  const Claim& claim_;
  WaitLimit limit_;
  const OwnerHash& part_of_;
  Cancellation& cancellation_;
  const WaitNews& news_;
  Log& log_;

  Instant began_ = BootClock::now();
  acquire::Rules rules_;
  std::optional<Grant> grant_;
  std::optional<Held> refusal_;  // the last one
  StoreFault latest_fault_;
  StoreFault retried_fault_;  // the last one after which the store was asked again
  AlreadyDone done_;
  Duration server_age_wait_{};
  std::string announced_;
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
