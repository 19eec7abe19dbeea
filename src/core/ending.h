#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace dlock {

/// The exit codes of dlock itself; any other code comes from the command. `--help`, the man page
/// and the README contain the same table, and a test compares them.
enum class ExitCode : int {
  Success = 0,
  Usage = 64,
  StoreUnavailable = 69,
  InternalError = 70,
  SystemError = 71,
  SomeoneElseHoldsLock = 75,
  StoreRefused = 77,
  Configuration = 78,
  LockLost = 80,
  LockUnconfirmed = 81,
  JobHung = 82,
  MaxRunExceeded = 124,
  CannotRun = 126,
  NotFound = 127,
};

struct ExitCodeMeaning {
  ExitCode code;
  std::string_view name;
  std::string_view when;
};

inline constexpr std::array<ExitCodeMeaning, 14> exit_codes{{
    {ExitCode::Success, "SUCCESS",
     "the job ran and ended with 0; its other codes are passed on, 128+n for signal n"},
    {ExitCode::Usage, "USAGE", "an option or argument is wrong; nothing was started"},
    {ExitCode::StoreUnavailable, "STORE_UNAVAILABLE",
     "the store cannot be reached or cannot serve now; nothing was started"},
    {ExitCode::InternalError, "INTERNAL_ERROR", "a bug in dlock"},
    {ExitCode::SystemError, "SYSTEM_ERROR",
     "a system call failed (fork, ...), or one of dlock's two processes was killed"},
    {ExitCode::SomeoneElseHoldsLock, "SOMEONE_ELSE_HOLDS_LOCK",
     "the job was not started; -E changes the code"},
    {ExitCode::StoreRefused, "STORE_REFUSED",
     "the store rejected the password, the user or its rights; nothing was started"},
    {ExitCode::Configuration, "CONFIGURATION",
     "the store, lock directory or status file is misconfigured; nothing was started"},
    {ExitCode::LockLost, "LOCK_LOST",
     "the lock was taken over, deleted or expired while the job ran; the job was killed"},
    {ExitCode::LockUnconfirmed, "LOCK_UNCONFIRMED",
     "the store did not answer up to the deadline; the job was killed"},
    {ExitCode::JobHung, "JOB_HUNG",
     "the job did not report progress in time and was ended; the lock was released"},
    {ExitCode::MaxRunExceeded, "MAX_RUN_EXCEEDED",
     "the job ran longer than --max-run and was ended; the lock was released"},
    {ExitCode::CannotRun, "CANNOT_RUN",
     "the command was found but cannot be run; the lock was released"},
    {ExitCode::NotFound, "NOT_FOUND", "the command was not found; the lock was released"},
}};

/// How a run of dlock ended.
enum class Ending : std::int32_t {
  JobEnded,         // detail: the wait status of the command
  CannotRun,        // detail: errno of exec
  Held,             // another run holds the lock
  AlreadyDone,      // detail: the exit code; a run of this --once-per slot is done already
  StoreFailed,      // detail: the exit code; before the start
  Interrupted,      // detail: the signal; before the start
  LockLost,         // the store said that this run no longer has the lock
  LockUnconfirmed,  // the store did not answer up to the deadline
  SystemFailed,     // detail: errno of the failure before the job ran
  JobHung,          // the job did not report progress in time, and was ended
  MaxRunExceeded,   // the job ran longer than --max-run, and was ended
  SupervisorDied,   // front or engine was killed, and the other one killed the job
};

/// Returns the name of the ending in the status file.
std::string_view name_of(Ending ending);
/// Returns the ending of that name, if there is one.
std::optional<Ending> ending_named(std::string_view name);

/// How the front ends: with a code, or by the signal that ended the command.
struct ExitStatus {
  int code = 0;
  int signal = 0;  // if not 0, the front ends by it; process 1 cannot, and exits with 128+signal

  int as_code() const { return signal != 0 ? 128 + signal : code; }
  bool operator==(const ExitStatus&) const = default;
};

/// Returns the exit status of an ending; `conflict_code` is the code of -E for a held lock.
ExitStatus exit_status_of(Ending ending, std::int32_t detail, int conflict_code);

}  // namespace dlock
