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
  Cgroup cgroup;  // the cgroup of the job, if it has one
};

/// Why there is no job. Neither a process nor the cgroup is left.
struct JobNotStarted {
  int error = 0;  // an errno, if the system refused
  std::string why;
};

/// Returns the cgroup for the job: none, if none was asked for or the job can do without one. The
/// error is the reason why a requested cgroup could not be made. This needs no lock and takes a
/// fifth of the time of a hand-over, so a waiting run does it while it waits.
Result<Cgroup, std::string> cgroup_for_job(Containment containment, Orphans orphans, Log& log);

/// Forks the job, into the cgroup if there is one. If no process can be started in the cgroup, it
/// is removed, and the job starts without it where that is allowed. mkdir(2) does not reveal this:
/// a filter can refuse clone3(2), or the cgroup can be threaded or only partly delegated. On return
/// it is not yet known whether the command can be run.
Result<StartedJob, JobNotStarted> start_job(JobSpec spec, Containment containment, Cgroup cgroup,
                                            const Proc& proc, Log& log);

}  // namespace dlock
