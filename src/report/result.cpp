#include "report/result.h"

#include "core/text.h"

#include <algorithm>

namespace dlock {

Success success_of(const Report& report) {
  switch (report.ending) {
    case Ending::JobEnded:
      return report.exit == ExitStatus{} ? Success::Succeeded : Success::Failed;
    case Ending::Held:
    case Ending::AlreadyDone:
      return Success::Skipped;
    case Ending::LockLost:
    case Ending::LockUnconfirmed:
      return Success::Lost;
    case Ending::Interrupted:
      return Success::CalledOff;
    case Ending::CannotRun:
    case Ending::StoreFailed:
    case Ending::SystemFailed:
    case Ending::JobHung:
    case Ending::MaxRunExceeded:
    case Ending::SupervisorDied:
      break;
  }
  return Success::Failed;
}

std::string outcome_of(const Report& report) {
  if (report.ending != Ending::JobEnded) return std::string{name_of(report.ending)};
  return success_of(report) == Success::Succeeded ? "success" : "job_failed";
}

std::string summary_of(const Report& report) {
  std::string text = outcome_of(report);
  std::replace(text.begin(), text.end(), '_', ' ');
  if (!report.reason.empty()) return text + ": " + printable(report.reason);
  return success_of(report) == Success::Failed
             ? text + ": exit code " + std::to_string(report.exit.as_code())
             : text;
}

std::vector<std::pair<std::string, std::string>> environment_of(const Report& report) {
  return {{"DLOCK_KEY", report.key},
          {"DLOCK_OUTCOME", outcome_of(report)},
          {"DLOCK_EXIT_CODE", std::to_string(report.exit.as_code())},
          {"DLOCK_REASON", report.reason},
          {"DLOCK_STORE_NAME", report.store},
          {"DLOCK_OWNER", report.owner.text}};
}

}  // namespace dlock
