#include "supervise/acquire.h"

#include "core/duration.h"
#include "core/poll.h"
#include "core/text.h"

#include <array>

namespace dlock::supervise {
namespace {

/// False when the wait was called off.
bool pause(Duration length, Interrupt& interrupt) {
  const Instant until = BootClock::now() + length;
  for (;;) {
    std::array<pollfd, 1> watched{{{interrupt.fd(), POLLIN, 0}}};
    if (!wait_for_any(watched, until)) return true;
    if (interrupt.requested()) return false;
  }
}

NotAcquired was_called_off() { return {Ending::Interrupted, 0, "the wait was called off", {}}; }

}  // namespace

std::variant<Grant, NotAcquired> acquire(Store& store, const Claim& claim, Interrupt& interrupt,
                                         Log& log) {
  bool ghost_possible = false;
  bool told_young = false;
  // Somebody who wants us to stop does not wait for a silent store.
  constexpr Duration hurried = std::chrono::milliseconds{200};
  const auto give_up = [&](NotAcquired why) {
    // A request whose reply was lost may have been applied: do not leave a lock that blocks others
    // for a TTL.
    if (ghost_possible) {
      const bool called_off = why.ending == Ending::Interrupted;
      give_back(store, claim, log, called_off ? hurried : claim.terms.request_timeout(),
                LogLevel::Debug);
    }
    return why;
  };
  Instant patience_ends = BootClock::now() + claim.terms.ttl() / 2;
  for (;;) {
    auto answer = store.acquire(claim, Patience{patience_ends, &interrupt});
    if (!answer) {
      const StoreFault& fault = answer.error();
      ghost_possible = ghost_possible || !fault.not_applied;
      if (interrupt.requested()) return give_up(was_called_off());
      if (!fault.worth_retrying || BootClock::now() + claim.terms.retry_every() >= patience_ends) {
        return give_up(
            {Ending::StoreFailed, static_cast<std::int32_t>(fault.exit_code), fault.sentence, {}});
      }
      log.debug(fault.sentence + "; trying again");
      if (!pause(claim.terms.retry_every(), interrupt)) return give_up(was_called_off());
    } else if (auto* held = std::get_if<Held>(&*answer)) {
      return NotAcquired{Ending::Held, 0, describe(held->holder), std::move(held->holder)};
    } else if (const auto* young = std::get_if<TooYoung>(&*answer)) {
      if (!std::exchange(told_young, true)) {
        log.notice(
            store.name() +
            " came up a moment ago and may have forgotten a holder that still runs: waiting " +
            to_text(young->wait) + " (--trust-restart skips this)");
      }
      if (!pause(young->wait, interrupt)) return give_up(was_called_off());
      patience_ends = BootClock::now() + claim.terms.ttl() / 2;
    } else {
      Grant& grant = std::get<Grant>(*answer);
      // The reply may have been so slow that the lease is over already: it starts no job.
      if (BootClock::now() < grant.stop_by) return std::move(grant);
      ghost_possible = true;
      return give_up({Ending::StoreFailed,
                      static_cast<std::int32_t>(ExitCode::StoreUnavailable),
                      store.name() + " answered so late that the lock could have ended already",
                      {}});
    }
  }
}

ReleaseAnswer give_back(Store& store, const Claim& claim, Log& log, Duration patience,
                        LogLevel level) {
  const Instant until = BootClock::now() + patience;
  bool maybe_released = false;
  for (;;) {
    auto answer = store.release(claim, Patience{until, nullptr});
    if (answer) {
      // Our first try may have been the one that deleted it.
      if (maybe_released) return Released{};
      return *answer;
    }
    const StoreFault& fault = answer.error();
    maybe_released = maybe_released || !fault.not_applied;
    const Instant next = BootClock::now() + claim.terms.retry_every();
    if (!fault.worth_retrying || next >= until) {
      log.say(level, "the lock could not be released and will end by itself within " +
                         to_text(claim.terms.ttl()) + ": " + fault.sentence);
      return Released{};
    }
    wait_for_any({}, next);
  }
}

}  // namespace dlock::supervise
