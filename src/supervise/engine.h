#pragma once

#include "job/shared_deadline.h"
#include "os/process.h"
#include "supervise/channel.h"
#include "supervise/run_options.h"
#include "supervise/supervisor_tools.h"

namespace dlock::supervise {

/// What the engine inherits from the front.
struct EngineSetting {
  const RunOptions& options;
  const Claim& claim;
  const InheritedSignals& signals;
  ArgumentArea arguments;
  SharedDeadline& deadline;
  pid_t front = 0;
  bool terminal = false;
};

/// The engine: takes the lock, starts the job, parents, reaps and kills it, owns the first
/// deadline, releases. Runs in the process that the front forked for it, and returns when its work
/// is done; the caller exits.
void run_engine(const EngineSetting& setting, SupervisorTools tools, Channel channel, Log& log);

}  // namespace dlock::supervise
