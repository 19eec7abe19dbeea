#include "supervise/reason.h"

#include "core/duration.h"
#include "core/text.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace dlock::supervise {
namespace {

std::string hint(const std::string& program, int error) {
  const bool there = program.find('/') != program.npos && ::access(program.c_str(), F_OK) == 0;
  return error == ENOENT && there ? " (the file is there: is its interpreter missing?)" : "";
}

}  // namespace

std::string reason_of(const Report& report, const RunOptions& options, const LockNews& news) {
  const std::string& program = options.command.front();
  switch (report.ending) {
    case Ending::CannotRun:
      return "cannot run '" + excerpt(program, 100) + "': " + ::strerror(report.detail) +
             hint(program, report.detail);
    case Ending::LockLost:
      return news.loss;
    case Ending::LockUnconfirmed:
      return news.silence.empty() ? "no renewal was acknowledged" : news.silence;
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
