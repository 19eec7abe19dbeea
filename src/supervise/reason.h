#pragma once

#include "supervise/report.h"
#include "supervise/run.h"

#include <string>

namespace dlock::supervise {

/// What the engine has heard of the lock while the job ran.
struct LockNews {
  std::string loss;     // how the lock was lost
  std::string silence;  // why renewals fail
};

/// Why the run ended so, for the endings that need a reason.
std::string reason_of(const Report& report, const RunOptions& options, const LockNews& news);

}  // namespace dlock::supervise
