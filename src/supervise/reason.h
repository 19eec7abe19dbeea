#pragma once

#include "core/ending.h"
#include "supervise/run_options.h"

#include <string>

namespace dlock::supervise {

/// What the engine has heard since it has had the lock.
struct RunNews {
  std::string birth;    // why the job was not born
  int exec_error = 0;   // why its program could not be run
  std::string loss;     // how the lock was lost
  std::string silence;  // why renewals fail
};

/// Why the run ended so, for the endings that need a reason.
std::string reason_of(Ending ending, const RunOptions& options, const RunNews& news);

}  // namespace dlock::supervise
