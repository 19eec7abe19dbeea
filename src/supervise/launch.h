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
  Instant acquired;  // when the lock was acquired
  Duration waited;   // for the lock
  std::unique_ptr<Liveness> liveness;
  Cgroup cgroup;  // may be none
  Instant started;
  JobProcess job;
  Progress progress;
  ResourceUse use_before;  // by helper processes of dlock, before the job
};

/// No job runs, and the lock is released.
struct NotLaunched {
  RunReport report;
  std::int32_t detail = 0;
  Cgroup cgroup;  // made before the failure; to be removed
};

/// Acquires the lock or returns why it cannot, makes what guards the job, and forks the job. The
/// front gets everything that it needs to kill the job and to clean up after it.
///
/// Every step that the system can refuse comes before the fork: a job that cannot be guarded does
/// not start.
std::variant<Launched, NotLaunched> launch(const EngineSetting& setting,
                                           const std::shared_ptr<Store>& store, const Proc& proc,
                                           Channel& channel, Log& log);

/// A report of a run with this ending; it contains what is known from the start.
RunReport blank_report(const RunOptions& options, const std::string& store_name, Ending ending,
                       std::int32_t detail);

}  // namespace dlock::supervise
