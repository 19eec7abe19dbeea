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

/// The engine: acquires the lock, starts the job, reaps and kills it as its parent, enforces the
/// first deadline, and releases the lock. Runs in the process that the front forked for it, and
/// returns when its work is done; the caller then exits.
void run_engine(const EngineSetting& setting, SupervisorTools tools, Channel channel, Log& log);

}  // namespace dlock::supervise
