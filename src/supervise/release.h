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

/// A silent store must not hold up dlock's end for longer than this.
inline constexpr Duration release_timeout = std::chrono::seconds{2};

/// How to take leave of a lock.
struct ReleaseAttempt {
  ReleaseOptions options = {};
  Duration timeout = release_timeout;
  /// A failure is told in one line of that level, and changes nothing: the lock then ends with its
  /// liveness.
  LogLevel level = LogLevel::Warning;
};

/// Gives the lock back. Lost: the store says that the lock had not been ours any more. Nothing: it
/// did not say anything.
std::optional<ReleaseAnswer> release_lock(Store& store, const Claim& claim, Log& log,
                                          const ReleaseAttempt& how = {});

/// What a run that got the lock leaves behind when it gives it back: `--min-hold` and `--once-per`.
/// A command that could not be run has not been, and who has lost the lock has no say in it:
/// nothing is kept, and nothing remembered.
ReleaseOptions release_options_of(const RunOptions& options, const Claim& claim,
                                  StoreTime granted_at, const RunReport& report,
                                  Duration since_start);

/// How long the store may take for it. That a run has been must not be forgotten for two seconds of
/// silence: the lock is ours until `deadline`, and so long nobody runs it again.
Duration release_timeout_for(const RunOptions& options, Ending ending, Instant deadline);

/// Gives a lock back that another process of this run has got, or was about to get, and takes it
/// out of the queue: what the engine would do, were it not dead. Only when no process of the job is
/// left. `witnesses` are all that the engine has sent.
///
/// By a child, which a store may hold up as long as it likes: some time after its timeout it is
/// killed. It is nobody's charge but ours, so that the lock is given back even if we are killed
/// meanwhile. False if the lock may be taken still, and ends by itself.
bool release_by_child(const StoreOptions& store, const Claim& claim, std::vector<Fd> witnesses,
                      const ReleaseAttempt& how, Log& log);

}  // namespace dlock::supervise
