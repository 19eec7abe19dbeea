#pragma once

#include "supervise/report.h"
#include "supervise/run.h"

namespace dlock::supervise {

/// What a run that got the lock leaves behind when it gives it back: `--min-hold` and `--once-per`.
/// A command that could not be run has not been, and who has lost the lock has no say in it:
/// nothing is kept, and nothing remembered.
Farewell farewell_of(const RunOptions& options, const Claim& claim, const Grant& grant,
                     const Report& report, Duration since_start);

}  // namespace dlock::supervise
