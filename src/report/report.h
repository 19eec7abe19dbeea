#pragma once

#include "core/ending.h"
#include "core/holder.h"
#include "core/time.h"
#include "job/resource_use.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dlock {

/// How long the store took for the renewals that it answered.
struct RenewalTimes {
  long count = 0;
  Duration sum{};
  Duration longest{};

  void add(Duration time);
};

/// Processes of the job that outlived its command and that dlock ended.
struct Leftovers {
  std::size_t count = 0;
  std::vector<std::string> names;  // the first few; set by the processes, so any bytes

  static constexpr std::size_t most_names = 3;
};

/// The result of a run: the engine makes it, the front publishes it, and the status file contains
/// all of it.
struct RunReport {
  Ending ending = Ending::SupervisorDied;
  ExitStatus exit;  // the exit status of dlock
  std::string key;
  std::string store;
  OwnerHash owner;     // if the lock was acquired
  FencingToken token;  // if the lock was acquired
  std::string acquired_at;
  std::string ended_at;
  std::string reason;             // why no job ran, or why it was killed
  Holder holder;                  // the holder that kept this run from starting
  std::optional<Holder> lost_to;  // the present holder
  std::optional<Duration> waited = {};
  std::optional<Duration> held = {};
  RenewalTimes renewals = {};
  std::optional<ResourceUse> used = {};
  Leftovers leftovers = {};
};

/// Returns one JSON object; the man page lists its fields under STATUS FILE. Everything in it is
/// printable, times are in ms, and text from other programs is at most 4 KiB long.
std::string to_json(const RunReport& report);

/// Parses the output of to_json(); nothing for any other text.
std::optional<RunReport> report_from_json(std::string_view text);

// Views of a report for metrics, hooks and systemd.

enum class Success {
  Succeeded,
  Skipped,    // another run had the lock, or had done the work
  Lost,       // the lock was lost, or could not be confirmed
  Cancelled,  // by a signal, before there was a job
  Failed      // every other ending
};
Success success_of(const RunReport& report);

/// The outcome as in the report, but `success` or `job_failed` instead of `job_ended`.
std::string outcome_of(const RunReport& report);

/// A short text: `job failed: exit code 3`, `held: held by host ...`.
std::string summary_of(const RunReport& report);

/// The variables of a hook: DLOCK_OUTCOME and so on.
std::vector<std::pair<std::string, std::string>> environment_of(const RunReport& report);

}  // namespace dlock
