#pragma once

#include "core/result.h"
#include "job/job_program.h"
#include "os/fd.h"

#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace dlock {

/// What the job's first process did, when it is not our own child: see PidNamespaceInit.
struct RootStatus {
  enum class Kind : int { Ended, Stopped, Continued };
  Kind kind;
  int wait_status;
};

/// The job's first process, forked from the engine's main thread while all others slept:
/// PR_SET_PDEATHSIG follows the thread that forked, and no lock was held that the child could want.
class JobProcess {
 public:
  /// The error is an errno of what the system refused, and what that was.
  struct Refusal {
    int error;
    std::string what;
  };
  /// The child has done all but its exec when this returns.
  static Result<JobProcess, Refusal> start(JobSpec spec);

  /// Our own child: the job's first process, or the init of its pid namespace.
  pid_t child() const { return child_; }

  /// Readable when exec worked, or it will never come to that.
  int exec_fd() const { return exec_.number(); }
  /// To be called when exec_fd() is readable: nothing if exec worked. Closes exec_fd().
  std::optional<StartFailure> start_failure();

  /// Readable when take_report() has something; -1 without a pid namespace.
  int report_fd() const { return reports_.number(); }
  std::optional<RootStatus> take_report();

  /// Sends a signal to the job's first process. Its number cannot be anybody else's yet: it is
  /// reaped by us, or by its init, only.
  void signal(int number);

 private:
  static Result<JobProcess, Refusal> start_in_namespace(JobProcess job, JobProgram program,
                                                        Fd exec_write, EndOfPipe prepared);

  pid_t child_ = -1;
  Fd exec_;
  Fd reports_;
  bool through_init_ = false;
};

}  // namespace dlock
