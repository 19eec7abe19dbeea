#include "supervise/aftermath.h"

#include "core/text.h"
#include "supervise/atomic_file.h"
#include "supervise/hook.h"
#include "supervise/metrics.h"

#include <cerrno>
#include <cstring>

namespace dlock::supervise {
namespace {

struct ChosenHook {
  const char* option;
  const std::string& command;
};

/// A lock that was lost is a failure like any other where nobody wants to know it by itself.
ChosenHook hook_for(RunResult::Kind kind, const Aftermath& wanted) {
  static const std::string none;
  switch (kind) {
    case RunResult::Kind::Skipped:
      return {"--on-skip", wanted.on_skip};
    case RunResult::Kind::Lost:
      if (!wanted.on_lost.empty()) return {"--on-lost", wanted.on_lost};
      return {"--on-failure", wanted.on_failure};
    case RunResult::Kind::Failed:
      return {"--on-failure", wanted.on_failure};
    case RunResult::Kind::Succeeded:
    case RunResult::Kind::CalledOff:
      break;
  }
  return {"", none};
}

}  // namespace

void deal_with(const RunResult& result, const std::string& report, const Aftermath& wanted,
               const InheritedSignals& signals, const Fd& signal_fd, Log& log) {
  EndRequest end_asked{signal_fd};
  const std::string key = about(result.key) + ": ";
  if (!wanted.status_file.empty() && !write_atomically(wanted.status_file, report)) {
    log.error(key + "--status-file '" + printable(wanted.status_file) +
              "' could not be written: " + ::strerror(errno));
  }
  if (!wanted.metrics_file.empty()) {
    if (const std::string why = add_to_metrics(wanted.metrics_file, result, end_asked);
        !why.empty()) {
      log.error(key + "--metrics-file '" + printable(wanted.metrics_file) +
                "' could not be written: " + why);
    }
  }
  const auto [option, command] = hook_for(result.kind, wanted);
  if (command.empty()) return;
  const HookEnd end = run_hook({.command = command,
                                .input = report,
                                .environment = result.environment(),
                                .timeout = wanted.hook_timeout},
                               signals, end_asked);
  if (!end.what.empty()) log.warn(key + option + " '" + excerpt(command, 100) + "' " + end.what);
}

}  // namespace dlock::supervise
