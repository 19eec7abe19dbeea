#pragma once

#include "core/exit_code.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace dlock {

/// How a run of dlock ended.
enum class Ending : std::int32_t {
  JobEnded,         // detail: the wait status of the job's first process
  CannotRun,        // detail: errno of exec
  Held,             // somebody else holds the lock
  AlreadyDone,      // detail: the exit code; --once-per found that the run has been
  StoreFailed,      // detail: the exit code; before the start
  Interrupted,      // detail: the signal; before the start
  LockLost,         // the store said that the lock is not ours
  LockUnconfirmed,  // the store said nothing up to the deadline
  SystemFailed,     // detail: errno of what the system refused before the job ran
  JobHung,          // the job did not report progress in time, and was ended
  MaxRunExceeded,   // the job ran longer than --max-run, and was ended
  SupervisorDied,   // front or engine was killed, and the other one killed the job
};

/// The word for it in the status file.
std::string_view name_of(Ending ending);
/// The ending of that name, if there is one.
std::optional<Ending> ending_named(std::string_view name);

/// How the front leaves: with a code, or by the signal that ended the job.
struct ExitStatus {
  int code = 0;
  int signal = 0;  // if not 0, the front dies by it; as PID 1 it cannot, and exits with 128+signal

  int as_code() const { return signal != 0 ? 128 + signal : code; }
  bool operator==(const ExitStatus&) const = default;
};

/// The exit status of an ending; `conflict_code` is what -E says of a held lock.
ExitStatus exit_status_of(Ending ending, std::int32_t detail, int conflict_code);

}  // namespace dlock
