#include "supervise/farewell.h"

#include "os/clock.h"
#include "supervise/give_back.h"

#include <algorithm>

namespace dlock::supervise {

Farewell farewell_of(const RunOptions& options, const Claim& claim, StoreTime granted_at,
                     const Report& report, Duration since_start) {
  Farewell farewell;
  if (report.ending == Ending::CannotRun || report.ending == Ending::LockLost) return farewell;
  farewell.keep = std::max(Duration::zero(), options.min_hold - since_start);
  if (!options.once) return farewell;
  const bool succeeded = report.exit == ExitStatus{};
  farewell.run = PastRun{.started = granted_at,
                         .counts = succeeded || options.once->even_if_failed,
                         .ended_at = iso_now(),
                         .exit_code = report.exit.as_code(),
                         .host = claim.host,
                         .pid = claim.pid,
                         .user = claim.user,
                         .command = claim.command};
  return farewell;
}

Duration patience_for(const RunOptions& options, Ending ending, Instant deadline) {
  if (!options.once || ending != Ending::JobEnded || deadline == never) return release_patience;
  return std::max(release_patience, deadline - BootClock::now());
}

}  // namespace dlock::supervise
