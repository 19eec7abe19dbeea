#include "report/outlets.h"

#include "core/text.h"
#include "os/file.h"
#include "report/hook.h"
#include "report/metrics.h"
#include "report/report.h"

#include <cerrno>
#include <cstring>

namespace dlock {
namespace {

struct ChosenHook {
  const char* option;
  const std::string& command;
};

/// A lost lock counts as a failure if there is no hook for lost locks.
ChosenHook hook_for(Success success, const Outlets& wanted) {
  static const std::string none;
  switch (success) {
    case Success::Skipped:
      return {"--on-skip", wanted.on_skip};
    case Success::Lost:
      if (!wanted.on_lost.empty()) return {"--on-lost", wanted.on_lost};
      return {"--on-failure", wanted.on_failure};
    case Success::Failed:
      return {"--on-failure", wanted.on_failure};
    case Success::Succeeded:
    case Success::Cancelled:
      break;
  }
  return {"", none};
}

}  // namespace

void publish(const RunReport& report, const Outlets& wanted, const InheritedSignals& signals,
             const Fd& signal_fd, Log& log) {
  SignalCancellation end_asked{signal_fd};
  const std::string json = to_json(report);
  if (!wanted.status_file.empty() && !write_atomically(wanted.status_file, json)) {
    log.error("--status-file '" + printable(wanted.status_file) +
              "' could not be written: " + ::strerror(errno));
  }
  if (!wanted.metrics_file.empty()) {
    if (const std::string why = add_to_metrics(wanted.metrics_file, report, end_asked);
        !why.empty()) {
      log.error("--metrics-file '" + printable(wanted.metrics_file) +
                "' could not be written: " + why);
    }
  }
  const auto [option, command] = hook_for(success_of(report), wanted);
  if (command.empty()) return;
  const HookEnd end = run_hook({.command = command,
                                .input = json,
                                .environment = environment_of(report),
                                .timeout = wanted.hook_timeout},
                               signals, end_asked);
  if (!end.what.empty())
    log.warn(std::string{option} + " '" + excerpt(command, 100) + "' " + end.what);
}

}  // namespace dlock
