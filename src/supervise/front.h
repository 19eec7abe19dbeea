#pragma once

#include "job/shared_deadline.h"
#include "os/terminal.h"
#include "supervise/channel.h"
#include "supervise/run_options.h"
#include "supervise/supervisor_tools.h"

#include <sys/types.h>

namespace dlock::supervise {

struct FrontSetting {
  const RunOptions& options;
  const Claim& claim;
  const InheritedSignals& signals;
  const SharedDeadline& deadline;
  const Terminal& terminal;
  pid_t engine = 0;
};

/// The front: what the caller waits for. Passes signals on, stops and goes on with the job, puts
/// the terminal right, owns the second deadline. Has one thread and no store, so that nothing can
/// keep it from killing; what a dead engine held it gives back by a child, when there is nothing
/// left to kill. Returns when its last child is reaped.
ExitStatus run_front(const FrontSetting& setting, SupervisorTools tools, Channel channel, Log& log);

}  // namespace dlock::supervise
