#pragma once

#include "core/log.h"
#include "report/report.h"
#include "supervise/run_options.h"

#include <string>

namespace dlock::supervise {

/// What to do about a store that failed so, to finish a sentence with: nothing if that is told
/// already.
std::string next_step(ExitCode code);

/// The one line on stderr that goes with every ending that is not the job's own: what happened, to
/// which key, who has it since when, and what to do.
void say_how_it_ended(const Report& report, const RunOptions& options, Log& log);

}  // namespace dlock::supervise
