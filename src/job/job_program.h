#pragma once

#include "job/inherited.h"
#include "job/shared_deadline.h"

#include <array>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace dlock {

/// The paths that execvp(3) would try for that program, in this order.
std::vector<std::string> paths_of(const std::string& program);

/// Why a child did not become the job; it is written to the pipe that exec would have closed.
struct StartFailure {
  enum class Step : int {
    Exec,     // ECANCELED: the lease was over
    MapUser,  // in the user namespace of the pid namespace
    Fork,     // in the init of the pid namespace
  };
  Step step = Step::Exec;
  int error = 0;  // an errno
};

/// The reason why there is no job although its process was made, as text.
std::string why_not_started(const StartFailure& failure);

/// The job, and what it gets from the caller of dlock.
struct JobSpec {
  std::vector<std::string> command;
  /// Added to the inherited environment; a variable of the same name is replaced.
  std::vector<std::pair<std::string, std::string>> environment;
  /// Variables that the job does not inherit.
  std::vector<std::string> left_out;
  InheritedSignals signals;
  /// The pid of the front, for variables such as LISTEN_PID that name the process they are meant
  /// for.
  pid_t front = 0;
  /// Set if there is no controlling terminal: then a group signal to dlock does not reach the job
  /// twice, and the whole session of the job can be killed at once.
  bool own_session = false;
  /// If not negative, the job starts in this cgroup.
  int cgroup_directory = -1;
  bool pid_namespace = false;
  /// When this lease is over, nothing is executed. Null: there is no lease.
  const SharedDeadline* deadline = nullptr;
};

/// A JobSpec that is ready for exec. All memory that the child needs is allocated here, in the
/// parent, because the child must not allocate (see fork_into).
class JobProgram {
 public:
  explicit JobProgram(JobSpec spec);
  JobProgram(const JobProgram&) = delete;
  JobProgram& operator=(const JobProgram&) = delete;

  /// Turns this process, a fresh child of `parent`, into the job. If exec fails, a StartFailure is
  /// written to the first pipe. The last writer of the second pipe is closed when everything except
  /// exec is done: from then on no process waits for the child, because exec can hang.
  [[noreturn]] void become(pid_t parent, int exec_pipe, int prepared_pipe);
  /// In place of a pipe that no process would read.
  static constexpr int no_pipe = -1;

 private:
  /// A variable such as LISTEN_PID, by which systemd names the process that a resource is meant
  /// for. It is meant for the job, whose pid is known only in the child, so there is room for the
  /// pid behind the name.
  struct PidVariable {
    std::array<char, 40> text{};
    std::size_t name_length = 0;
  };
  void fill_in(PidVariable& variable);
  int execute();
  int execute(const char* path, char* const* words);

  const JobSpec spec_;
  std::vector<std::string> paths_;
  std::vector<char*> words_;
  std::vector<char*> script_words_;  // for the shell, if the command has no interpreter line
  std::vector<std::string> set_variables_;
  std::array<PidVariable, 2> pid_variables_;
  std::vector<char*> environment_;
};

}  // namespace dlock
