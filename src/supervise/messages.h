#pragma once

#include "core/ending.h"
#include "core/log.h"
#include "report/report.h"
#include "supervise/run_options.h"

#include <string>

namespace dlock::supervise {

/// What the engine has heard since it has had the lock.
struct RunNews {
  std::string start_failure;  // why the job was not born
  int exec_error = 0;         // why its program could not be run
  std::string loss;           // how the lock was lost
  std::string silence;        // why renewals fail
};

/// Why the run ended so, for the endings that need a reason.
std::string reason_of(Ending ending, const RunOptions& options, const RunNews& news);

/// What to do about a store that failed so, to finish a sentence with: nothing if that is told
/// already.
std::string next_step(ExitCode code);

/// The one line on stderr that goes with every ending that is not the job's own: what happened, to
/// which key, who has it since when, and what to do.
void say_how_it_ended(const RunReport& report, const RunOptions& options, Log& log);

}  // namespace dlock::supervise
