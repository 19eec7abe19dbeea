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

/// What the command did, if it is not a child of the engine: see run_namespace_init().
struct RootStatus {
  enum class Kind : int { Ended, Stopped, Continued };
  Kind kind;
  int wait_status;
};

/// The command, forked from the engine's main thread while all other threads sleep.
/// PR_SET_PDEATHSIG follows the thread that forked, and no lock is held that the child could need.
class JobProcess {
 public:
  /// An errno, and what the system refused.
  struct Refusal {
    int error;
    std::string what;
  };
  /// Starts the job. When this returns, the child has done everything except its exec.
  static Result<JobProcess, Refusal> start(JobSpec spec);

  /// The child of the engine: the command, or the init of its pid namespace.
  pid_t child() const { return child_; }

  /// Readable when exec succeeded or can no longer succeed.
  int exec_fd() const { return exec_.number(); }
  /// Call it when exec_fd() is readable. Returns nothing if exec succeeded. Closes exec_fd().
  std::optional<StartFailure> start_failure();

  /// Readable when take_report() has something to return; -1 without a pid namespace.
  int report_fd() const { return reports_.number(); }
  std::optional<RootStatus> take_report();

  /// Sends a signal to the command. Its pid cannot be reused yet: only the engine, or the init of
  /// the namespace, reaps it.
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
