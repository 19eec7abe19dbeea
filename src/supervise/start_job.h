#pragma once

#include "heartbeat/job_socket.h"
#include "job/cgroup.h"
#include "job/job_process.h"
#include "os/proc.h"
#include "supervise/channel.h"
#include "supervise/engine.h"

#include <memory>
#include <string>

namespace dlock::supervise {

struct StartedJob {
  JobProcess process;
  std::unique_ptr<JobSocket> socket;  // may be none
};

/// Why there is no job: nothing of it is left.
struct JobNotStarted {
  int error = 0;  // an errno, if it was the system that refused
  std::string why;
};

/// The cgroup that the job is to have: none, if none was asked for or it can do without one; the
/// error says why it cannot be had though it was asked for. The front is told of it. It needs no
/// lock, and takes a fifth of a hand-over: so who waits makes it meanwhile.
Result<Cgroup, std::string> cgroup_for_job(const RunOptions& options, Channel& front, Log& log);

/// Forks the job, into the cgroup if there is one. A cgroup in which no process can be started is
/// removed where the job can do without: a filter may refuse clone3(2), or the cgroup be threaded
/// or delegated by half, and mkdir(2) does not show that. The front is told of that, and of the
/// directory of a socket. Whether the command could be run is not known yet.
Result<StartedJob, JobNotStarted> start_job(const EngineSetting& setting, const Grant& grant,
                                            Cgroup& cgroup, const Proc& proc, Channel& front,
                                            Log& log);

}  // namespace dlock::supervise
