#pragma once

#include "core/log.h"
#include "core/time.h"
#include "heartbeat/job_socket.h"
#include "job/cgroup.h"
#include "job/job_process.h"
#include "job/resource_use.h"
#include "os/proc.h"
#include "report/report.h"
#include "store/store.h"
#include "supervise/channel.h"
#include "supervise/engine.h"
#include "supervise/liveness.h"

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

namespace dlock::supervise {

/// A job that was forked under its lock, and what guards it.
struct Launched {
  Grant grant;
  Instant acquired;  // when the lock was got
  Duration waited;   // for it
  std::unique_ptr<Liveness> liveness;
  Cgroup cgroup;  // may be none
  Instant started;
  JobProcess job;
  Progress progress;
  ResourceUse use_before;  // by helpers of ours, before there was a job
};

/// No job runs, and the lock is given back.
struct NotLaunched {
  RunReport report;
  std::int32_t detail = 0;
  Cgroup cgroup;  // that was made meanwhile, to be removed
};

/// Takes the lock or finds out why not, makes what guards the job, and forks the job. The front is
/// told of all that it has to know to kill the job and to clear up after it.
///
/// All that may be refused comes before the job: whoever has one to guard can do so.
std::variant<Launched, NotLaunched> launch(const EngineSetting& setting,
                                           const std::shared_ptr<Store>& store, const Proc& proc,
                                           Channel& channel, Log& log);

/// A report of a run that has ended so, with what is known from the start.
RunReport blank_report(const RunOptions& options, const std::string& store_name, Ending ending,
                       std::int32_t detail);

}  // namespace dlock::supervise
