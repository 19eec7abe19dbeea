#pragma once

#include "core/log.h"
#include "os/fd.h"
#include "report/report.h"
#include "store/open.h"
#include "store/store.h"
#include "supervise/run_options.h"

#include <optional>
#include <vector>

namespace dlock::supervise {

/// The longest time for which a store that does not answer can delay the end of dlock.
inline constexpr Duration release_timeout = std::chrono::seconds{2};

/// How to release a lock.
struct ReleaseAttempt {
  ReleaseOptions options = {};
  Duration timeout = release_timeout;
  /// The level of the one line that reports a failure. A failure changes nothing else: the lock
  /// then ends with its liveness.
  LogLevel level = LogLevel::Warning;
};

/// Releases the lock. Returns Lost if the store said that this run no longer had the lock, and
/// nothing if the store gave no definite answer before the timeout.
std::optional<ReleaseAnswer> release_lock(Store& store, const Claim& claim, Log& log,
                                          const ReleaseAttempt& how = {});

/// What a run leaves in the store when it releases the lock: `--min-hold` and `--once-per`. A
/// command that could not be run does not count as a run, and a run that lost the lock must not
/// change it: in both cases nothing is kept and nothing is recorded.
ReleaseOptions release_options_of(const RunOptions& options, const Claim& claim,
                                  StoreTime granted_at, const RunReport& report,
                                  Duration since_start);

/// The timeout for the release. The record of a finished run must not be lost because the store is
/// unanswered for two seconds: until `deadline` this run has the lock and no other run can start,
/// so the release is retried until then.
Duration release_timeout_for(const RunOptions& options, Ending ending, Instant deadline);

/// Releases a lock that another process of this run has acquired or was about to acquire, and
/// leaves the queue: what the engine would do if it were alive. Call it only when no process of the
/// job is left. `lock_descriptors` are all descriptors that the engine has sent.
///
/// The work is done by a child, which the store can block. The child is killed some time after its
/// timeout. It does not die with its parent, so the lock is released even if the front is killed
/// meanwhile. Returns false if the lock may still be taken; it then ends by itself.
bool release_by_child(const StoreOptions& store, const Claim& claim,
                      std::vector<Fd> lock_descriptors, const ReleaseAttempt& how, Log& log);

}  // namespace dlock::supervise
