#include "supervise/give_back.h"

#include "core/duration.h"
#include "os/clock.h"
#include "os/poll.h"

namespace dlock::supervise {

std::optional<ReleaseAnswer> give_back(Store& store, const Claim& claim, Log& log,
                                       const GiveBack& how) {
  const Instant until = BootClock::now() + how.patience;
  bool maybe_released = false;
  for (;;) {
    auto answer = store.release(claim, how.farewell, Patience{until, nullptr});
    if (answer) {
      // Our first try may have been the one that deleted it.
      return maybe_released ? Released{} : *answer;
    }
    const StoreFault& fault = answer.error();
    maybe_released = maybe_released || !fault.not_applied;
    const Instant next = BootClock::now() + claim.terms.retry_every();
    if (!fault.worth_retrying || next >= until) {
      log.say(how.level,
              "the lock could not be released and will end by itself within " +
                  to_text(claim.terms.ttl()) + ": " + fault.sentence +
                  (how.farewell.run ? "; that this run has been is not remembered" : ""));
      return {};
    }
    wait_for_any({}, next);
  }
}

}  // namespace dlock::supervise
