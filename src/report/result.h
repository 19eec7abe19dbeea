#pragma once

#include "report/report.h"

#include <string>
#include <utility>
#include <vector>

namespace dlock {

// A report in the words of those who want to be told of a run: metrics, hooks, systemd.

enum class Success {
  Succeeded,
  Skipped,    // somebody else had the lock, or had done the work
  Lost,       // the lock was lost, or could not be confirmed
  CalledOff,  // by a signal, before there was a job
  Failed      // all other
};
Success success_of(const Report& report);

/// As in the report; but `success` and `job_failed` for `job_ended`.
std::string outcome_of(const Report& report);

/// In a few words: `job failed: exit code 3`, `held: held by host ...`.
std::string summary_of(const Report& report);

/// For a hook: DLOCK_OUTCOME and so on.
std::vector<std::pair<std::string, std::string>> environment_of(const Report& report);

}  // namespace dlock
