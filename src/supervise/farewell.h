#pragma once

#include "report/report.h"
#include "supervise/run_options.h"

namespace dlock::supervise {

/// What a run that got the lock leaves behind when it gives it back: `--min-hold` and `--once-per`.
/// A command that could not be run has not been, and who has lost the lock has no say in it:
/// nothing is kept, and nothing remembered.
Farewell farewell_of(const RunOptions& options, const Claim& claim, StoreTime granted_at,
                     const Report& report, Duration since_start);

/// How long the store may take for it. That a run has been must not be forgotten for two seconds of
/// silence: the lock is ours until `deadline`, and so long nobody runs it again.
Duration patience_for(const RunOptions& options, Ending ending, Instant deadline);

}  // namespace dlock::supervise
