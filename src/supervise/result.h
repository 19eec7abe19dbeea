#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dlock::supervise {

/// What metrics and hooks need of a run's report.
struct RunResult {
  enum class Kind {
    Succeeded,
    Skipped,    // somebody else had the lock, or had done the work
    Lost,       // the lock was lost, or could not be confirmed
    CalledOff,  // by a signal, before there was a job
    Failed      // all other
  };

  Kind kind = Kind::Failed;
  std::string outcome;  // as in the report; but `success` and `job_failed` for `job_ended`
  int exit_code = 0;
  std::string key;
  std::string reason;
  std::string store;
  std::string owner;
  double waited = 0;  // s
  bool held_it = false;
  double held = 0;  // s
  long renewals = 0;
  double renewal_mean = 0;  // s
  double renewal_max = 0;   // s

  /// In a few words: `job failed: exit code 3`, `held: held by host …`.
  std::string summary() const;
  /// For a hook: DLOCK_OUTCOME and so on.
  std::vector<std::pair<std::string, std::string>> environment() const;
};

/// Reads what to_json(Report) wrote.
RunResult parse_result(std::string_view report);

}  // namespace dlock::supervise
