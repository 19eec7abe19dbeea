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

/// Processes of the job that outlived its command, and that dlock has ended.
struct Leftovers {
  std::size_t count = 0;
  std::vector<std::string> names;  // the first few; as they call themselves, so any bytes

  static constexpr std::size_t most_names = 3;
};

/// What a run came to: the engine makes it, the front passes it on, the status file shows all of
/// it.
struct RunReport {
  Ending ending = Ending::SupervisorDied;
  ExitStatus exit;  // how the front leaves
  std::string key;
  std::string store;
  OwnerHash owner;     // if the lock was got
  FencingToken token;  // if the lock was got
  std::string acquired_at;
  std::string ended_at;
  std::string reason;             // why no job ran, or why it was killed
  Holder holder;                  // who held it instead
  std::optional<Holder> lost_to;  // who has it now
  std::optional<Duration> waited = {};
  std::optional<Duration> held = {};
  RenewalTimes renewals = {};
  std::optional<ResourceUse> used = {};
  Leftovers leftovers = {};
};

/// One JSON object; the man page has its fields under STATUS FILE. All in it is printable, times
/// are in ms, and no text of others is longer than 4 KiB.
std::string to_json(const RunReport& report);

/// What to_json() wrote; nothing if it did not write that.
std::optional<RunReport> report_from_json(std::string_view text);

// A report in the words of those who want to be told of a run: metrics, hooks, systemd.

enum class Success {
  Succeeded,
  Skipped,    // somebody else had the lock, or had done the work
  Lost,       // the lock was lost, or could not be confirmed
  Cancelled,  // by a signal, before there was a job
  Failed      // all other
};
Success success_of(const RunReport& report);

/// As in the report; but `success` and `job_failed` for `job_ended`.
std::string outcome_of(const RunReport& report);

/// In a few words: `job failed: exit code 3`, `held: held by host ...`.
std::string summary_of(const RunReport& report);

/// For a hook: DLOCK_OUTCOME and so on.
std::vector<std::pair<std::string, std::string>> environment_of(const RunReport& report);

}  // namespace dlock
