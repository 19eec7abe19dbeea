#pragma once

#include "core/log.h"
#include "core/policy.h"
#include "core/result.h"
#include "job/cgroup.h"
#include "job/job_process.h"
#include "os/proc.h"

#include <string>

namespace dlock {

struct StartedJob {
  JobProcess process;
  Cgroup cgroup;  // in which it runs, if it has one
};

/// Why there is no job: nothing of it is left, and no cgroup.
struct JobNotStarted {
  int error = 0;  // an errno, if it was the system that refused
  std::string why;
};

/// The cgroup that the job is to have: none, if none was asked for or it can do without one; the
/// error says why it cannot be had though it was asked for. It needs no lock, and takes a fifth of
/// a hand-over: so a run that waits makes it meanwhile.
Result<Cgroup, std::string> cgroup_for_job(Containment containment, Orphans orphans, Log& log);

/// Forks the job, into the cgroup if there is one. A cgroup in which no process can be started is
/// removed where the job can do without: a filter may refuse clone3(2), or the cgroup be threaded
/// or delegated by half, and mkdir(2) does not show that. Whether the command could be run is not
/// known yet.
Result<StartedJob, JobNotStarted> start_job(JobSpec spec, Containment containment, Cgroup cgroup,
                                            const Proc& proc, Log& log);

}  // namespace dlock
