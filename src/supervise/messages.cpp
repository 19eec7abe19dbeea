#include "supervise/messages.h"

#include "core/duration.h"
#include "core/signals.h"
#include "core/text.h"
#include "job/job_program.h"
#include "supervise/acquire.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <unistd.h>
#include <vector>

namespace dlock::supervise {

namespace {

std::string why_not_run(const std::string& program, int error) {
  std::string why = ::strerror(error);
  if (error != ENOENT) return why;
  const std::vector<std::string> paths = paths_of(program);
  const bool there = std::any_of(paths.begin(), paths.end(), [](const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
  });
  if (there) return why + " (the file exists: is its interpreter missing?)";
  if (program.find(' ') != program.npos)
    return why + "; give its words as separate arguments, or write sh -c '...'";
  if (program.empty() || program.find('/') != program.npos) return why;
  const char* const path = ::getenv("PATH");
  return why + "; it is not in PATH (" + excerpt(path != nullptr ? path : "", 200) + ")";
}

}  // namespace

std::string reason_of(Ending ending, const RunOptions& options, const RunNews& news) {
  const std::string& program = options.command.front();
  switch (ending) {
    case Ending::CannotRun:
      return "cannot run '" + excerpt(program, 100) + "': " + why_not_run(program, news.exec_error);
    case Ending::SystemFailed:
      return "the job could not be started: " + news.start_failure;
    case Ending::LockLost:
      return news.loss;
    case Ending::LockUnconfirmed:
      if (news.renewal_failure.empty())
        return "no renewal could be sent in time; was dlock stopped, or the machine overloaded?";
      return news.renewal_failure +
             "; fix the store, or give --on-silence=continue or a longer --ttl if such outages are "
             "normal";
    case Ending::JobHung:
      return "it reported no progress for " + to_text(*options.heartbeat_timeout) +
             " (--heartbeat-timeout)";
    case Ending::MaxRunExceeded:
      return "it ran longer than --max-run " + to_text(*options.max_run);
    case Ending::SupervisorDied:
      return "dlock's front process was killed; the lock is released";
    default:
      return {};
  }
}

std::string next_step(ExitCode code) {
  return code == ExitCode::StoreUnavailable ? "; run dlock doctor with the same options" : "";
}

namespace {

/// `2 processes of the job outlived the command and were ended: sleep, ssh-agent`
std::string describe(const Leftovers& leftovers) {
  std::string text = std::to_string(leftovers.count) +
                     (leftovers.count == 1 ? " process" : " processes") +
                     " of the job outlived the command and " +
                     (leftovers.count == 1 ? "was" : "were") + " ended: ";
  for (std::size_t i = 0; i < leftovers.names.size(); ++i)
    text += (i == 0 ? "" : ", ") + printable(leftovers.names[i]);
  return text + (leftovers.count > leftovers.names.size() ? ", ..." : "");
}

}  // namespace

void say_how_it_ended(const RunReport& report, const RunOptions& options, Log& log) {
  switch (report.ending) {
    case Ending::JobEnded:
      if (report.leftovers.count > 0) log.notice(describe(report.leftovers) + "; see --orphans");
      break;
    case Ending::Held:
      log.notice("the lock is " + report.reason + "; nothing was started" +
                 (options.wait.waits() || waits_for_us(report.holder, options.part_of)
                      ? ""
                      : "; give -w to wait, or run dlock status for details"));
      break;
    case Ending::AlreadyDone:
      log.notice("already done by " + report.reason + "; nothing was started");
      break;
    case Ending::Interrupted:
      log.notice(signal_name(report.exit.signal) + " was received before the job started");
      break;
    case Ending::StoreFailed:
      log.error(report.reason + "; nothing was started" +
                next_step(static_cast<ExitCode>(report.exit.code)));
      break;
    case Ending::SystemFailed:
    case Ending::CannotRun:
      log.error(report.reason + "; the lock is released");
      break;
    case Ending::LockLost:
      log.error("the lock was lost: " + report.reason +
                "; no process of the job is left; find out why before you run it again");
      break;
    case Ending::LockUnconfirmed:
      log.error(
          "the job was killed, because its lock could not be confirmed before the lease "
          "expired; no process of it is left, and other runs can acquire the lock within " +
          to_text(options.terms.ttl()) + " (--ttl): " + report.reason);
      break;
    case Ending::JobHung:
      log.error("the job was ended, because " + report.reason +
                "; no process of it is left and the lock is released; find out why it hangs, or "
                "let it call dlock heartbeat more often");
      break;
    case Ending::MaxRunExceeded:
      log.error("the job was ended, because " + report.reason +
                "; no process of it is left and the lock is released; find out why it took so "
                "long, or give it more time");
      break;
    case Ending::SupervisorDied:
      log.error("the job was killed, because " + report.reason);
      break;
  }
}

}  // namespace dlock::supervise
