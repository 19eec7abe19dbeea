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

/// The front: the process that the caller waits for. It passes on signals, stops and continues
/// together with the job, restores the terminal, and enforces the second deadline. It has one
/// thread and no store connection, so that a hanging store cannot keep it from killing. If the
/// engine died, a child of the front releases the lock after the job is gone. Returns when its last
/// child is reaped.
ExitStatus run_front(const FrontSetting& setting, SupervisorTools tools, Channel channel, Log& log);

}  // namespace dlock::supervise
