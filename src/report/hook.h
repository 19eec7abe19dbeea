#pragma once

#include "core/time.h"
#include "job/inherited.h"
#include "report/signal_cancellation.h"

#include <string>
#include <utility>
#include <vector>

namespace dlock {

/// A command of the user for the shell, which is told of the result of a run.
struct Hook {
  const std::string& command;
  const std::string& input;  // what it reads on stdin
  std::vector<std::pair<std::string, std::string>> environment;
  Duration timeout;
};

struct HookEnd {
  std::string what;  // what went wrong, as in `ended with 3`; empty if nothing did
};

/// Runs it to its end, in a session of its own; its stdout is our stderr. One that takes too long
/// is killed with its process group, and so is one during which we are asked to end.
HookEnd run_hook(const Hook& hook, const InheritedSignals& signals, SignalCancellation& end);

}  // namespace dlock
