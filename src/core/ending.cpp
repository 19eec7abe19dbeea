#include "core/ending.h"

#include <cerrno>
#include <sys/wait.h>

namespace dlock {
namespace {

ExitStatus code(ExitCode code) { return {.code = static_cast<int>(code)}; }

}  // namespace

std::string_view name_of(Ending ending) {
  switch (ending) {
    case Ending::JobEnded:
      return "job_ended";
    case Ending::CannotRun:
      return "cannot_run";
    case Ending::Held:
      return "held";
    case Ending::AlreadyDone:
      return "already_done";
    case Ending::StoreFailed:
      return "store_failed";
    case Ending::Interrupted:
      return "interrupted";
    case Ending::LockLost:
      return "lock_lost";
    case Ending::LockUnconfirmed:
      return "lock_unconfirmed";
    case Ending::JobHung:
      return "job_hung";
    case Ending::MaxRunExceeded:
      return "max_run_exceeded";
    case Ending::SystemFailed:
      return "system_failed";
    case Ending::SupervisorDied:
      return "supervisor_died";
  }
  return "unknown";
}

std::optional<Ending> ending_named(std::string_view name) {
  for (int number = 0; number <= static_cast<int>(Ending::SupervisorDied); ++number) {
    if (name_of(Ending{number}) == name) return Ending{number};
  }
  return {};
}

ExitStatus exit_status_of(Ending ending, std::int32_t detail, int conflict_code) {
  switch (ending) {
    case Ending::JobEnded:
      if (WIFSIGNALED(detail)) return {.signal = WTERMSIG(detail)};
      return {.code = WEXITSTATUS(detail)};
    case Ending::CannotRun:
      return code(detail == ENOENT ? ExitCode::NotFound : ExitCode::CannotRun);
    case Ending::Held:
      return {.code = conflict_code};
    case Ending::AlreadyDone:
    case Ending::StoreFailed:
      return {.code = detail};
    case Ending::Interrupted:
      return {.signal = detail};
    case Ending::LockLost:
      return code(ExitCode::LockLost);
    case Ending::LockUnconfirmed:
      return code(ExitCode::LockUnconfirmed);
    case Ending::JobHung:
      return code(ExitCode::JobHung);
    case Ending::MaxRunExceeded:
      return code(ExitCode::MaxRunExceeded);
    case Ending::SystemFailed:
    case Ending::SupervisorDied:
      return code(ExitCode::SystemError);
  }
  return code(ExitCode::InternalError);
}

}  // namespace dlock
