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

/// Whether the job gets a cgroup, if one can be made. A cgroup in which the job leaves processes
/// behind could not be removed.
bool wants_cgroup(Containment containment, Orphans orphans);

/// Returns the cgroup for the job: none, if the job can do without one. The error is the reason why
/// a required cgroup could not be made.
Result<Cgroup, std::string> make_cgroup(Containment containment, Log& log);

/// Forks the job, into the cgroup if there is one. If no process can be started in the cgroup, it
/// is removed, and the job starts without it where that is allowed. mkdir(2) does not reveal this:
/// a filter can refuse clone3(2), or the cgroup can be threaded or only partly delegated. On return
/// it is not yet known whether the command can be run.
Result<StartedJob, JobNotStarted> start_job(JobSpec spec, Containment containment, Cgroup cgroup,
                                            const Proc& proc, Log& log);

}  // namespace dlock
