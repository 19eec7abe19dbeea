#pragma once

#include "core/time.h"
#include "job/inherited.h"
#include "report/signal_cancellation.h"

#include <string>
#include <utility>
#include <vector>

namespace dlock {

/// A shell command of the user that gets the result of a run.
struct Hook {
  const std::string& command;
  const std::string& input;  // its stdin
  std::vector<std::pair<std::string, std::string>> environment;
  Duration timeout;
};

struct HookEnd {
  std::string what;  // what went wrong, such as `ended with 3`; empty if nothing did
};

/// Runs the hook to its end in a session of its own; its stdout is the stderr of dlock. It is
/// killed with its process group if it takes too long, or when dlock is asked to end.
HookEnd run_hook(const Hook& hook, const InheritedSignals& signals, SignalCancellation& end);

}  // namespace dlock
