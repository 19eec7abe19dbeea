#pragma once

#include "core/ending.h"
#include "core/log.h"
#include "report/report.h"
#include "supervise/run_options.h"

#include <string>

namespace dlock::supervise {

/// What the engine has learned since it acquired the lock.
struct RunNews {
  std::string start_failure;    // why the job could not be forked
  int exec_error = 0;           // errno of the failed exec
  std::string loss;             // how the lock was lost
  std::string renewal_failure;  // why renewals fail
};

/// The reason of this ending, for the endings that need one; otherwise empty.
std::string reason_of(Ending ending, const RunOptions& options, const RunNews& news);

/// Advice for a failure of the store with this exit code, as the end of a sentence. Empty if the
/// message already contains the advice.
std::string next_step(ExitCode code);

/// Logs the one line of an ending that is not the command's own: what happened, to which key, who
/// holds it since when, and what to do.
void say_how_it_ended(const RunReport& report, const RunOptions& options, Log& log);

}  // namespace dlock::supervise
