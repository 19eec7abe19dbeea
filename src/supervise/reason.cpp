#include "supervise/reason.h"

#include "core/duration.h"
#include "core/text.h"
#include "job/job_program.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <unistd.h>
#include <vector>

namespace dlock::supervise {
namespace {

std::string why_not_run(const std::string& program, int error) {
  const std::string why = ::strerror(error);
  if (error != ENOENT) return why;
  const std::vector<std::string> paths = paths_of(program);
  const bool there = std::any_of(paths.begin(), paths.end(), [](const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
  });
  if (there) return why + " (the file is there: is its interpreter missing?)";
  if (program.find(' ') != program.npos) return why + "; write its words apart, or sh -c '...'";
  if (program.empty() || program.find('/') != program.npos) return why;
  const char* const path = ::getenv("PATH");
  return why + "; it is in no directory of PATH (" + excerpt(path != nullptr ? path : "", 200) +
         ")";
}

}  // namespace

std::string reason_of(Ending ending, const RunOptions& options, const RunNews& news) {
  const std::string& program = options.command.front();
  switch (ending) {
    case Ending::CannotRun:
      return "cannot run '" + excerpt(program, 100) + "': " + why_not_run(program, news.exec_error);
    case Ending::SystemFailed:
      return "the job could not be started: " + news.birth;
    case Ending::LockLost:
      return news.loss;
    case Ending::LockUnconfirmed:
      if (news.silence.empty())
        return "no renewal could be sent in time; was dlock stopped, or the machine overloaded?";
      return news.silence +
             "; mend the store, or give --on-silence=continue or a longer --ttl if such outages "
             "are normal";
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

}  // namespace dlock::supervise
