#pragma once

#include <array>
#include <string_view>

namespace dlock {

/// What dlock itself says by its exit code; any other code is the job's. `--help`, man page and
/// README carry the same table, and a test compares them.
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

}  // namespace dlock
