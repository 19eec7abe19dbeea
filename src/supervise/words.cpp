#include "supervise/words.h"

#include "core/duration.h"
#include "core/signals.h"
#include "core/text.h"

namespace dlock::supervise {

std::string next_step(ExitCode code) {
  return code == ExitCode::StoreUnavailable ? "; dlock doctor with the same options looks closer"
                                            : "";
}

void say_how_it_ended(const Report& report, const RunOptions& options, Log& log) {
  const std::string key = about(report.key);
  switch (report.ending) {
    case Ending::JobEnded:
      break;
    case Ending::Held:
      log.notice(key + " is " + report.reason + "; nothing was started" +
                 (options.wait.waits() || waits_for_us(report.holder, options.part_of)
                      ? ""
                      : "; -w waits for it, dlock status shows more"));
      break;
    case Ending::AlreadyDone:
      log.notice(key + ": already done by " + report.reason + "; nothing was started");
      break;
    case Ending::Interrupted:
      log.notice(key + ": " + signal_name(report.detail) + " came before the job was started");
      break;
    case Ending::StoreFailed:
      log.error(key + ": " + report.reason + "; nothing was started" +
                next_step(static_cast<ExitCode>(report.detail)));
      break;
    case Ending::SystemFailed:
    case Ending::CannotRun:
      log.error(key + ": " + report.reason + "; the lock is released");
      break;
    case Ending::LockLost:
      log.error(key + ": the lock was lost: " + report.reason +
                "; no process of the job is left; find out why before you run it again");
      break;
    case Ending::LockUnconfirmed:
      log.error(key +
                ": the job was killed, because its lock could not be confirmed before the lease "
                "ended; no process of it is left, and others can have the lock within " +
                to_text(options.terms.ttl()) + " (--ttl): " + report.reason);
      break;
    case Ending::JobHung:
      log.error(key + ": the job was ended, because " + report.reason +
                "; no process of it is left and the lock is released; see what it hangs on, or let "
                "it call dlock heartbeat more often");
      break;
    case Ending::MaxRunExceeded:
      log.error(key + ": the job was ended, because " + report.reason +
                "; no process of it is left and the lock is released; see why it took so long, or "
                "give it more time");
      break;
    case Ending::SupervisorDied:
      log.error(key + ": the job was killed, because " + report.reason);
      break;
  }
}

}  // namespace dlock::supervise
