#pragma once

#include "supervise/cgroup.h"
#include "supervise/channel.h"
#include "supervise/engine.h"
#include "supervise/job_process.h"
#include "supervise/job_socket.h"
#include "supervise/tree.h"

#include <memory>
#include <string>

namespace dlock::supervise {

struct StartedJob {
  JobProcess process;
  Cgroup cgroup;                      // may be none
  std::unique_ptr<JobSocket> socket;  // may be none
};

/// Why there is no job: nothing of it is left.
struct JobNotStarted {
  int error = 0;  // an errno, if it was the system that refused
  std::string why;
};

/// Gives the job the containment that was asked for and forks it. The front is told of a cgroup
/// before anything is in it, and of the directory of a socket. Whether the command could be run is
/// not known yet.
Result<StartedJob, JobNotStarted> start_job(const EngineSetting& setting, const Grant& grant,
                                            const Tree& tree, Channel& front, Log& log);

}  // namespace dlock::supervise
