#pragma once

#include "job/inherited.h"
#include "job/shared_deadline.h"

#include <array>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace dlock {

/// Where execvp(3) would look for that program, in this order.
std::vector<std::string> paths_of(const std::string& program);

/// Why a child did not become the job: goes down the pipe that exec would have closed.
struct StartFailure {
  enum class Step : int {
    Exec,     // ECANCELED: the lease was over
    MapUser,  // in the user namespace that comes with a pid namespace
    Fork,     // by the init of a pid namespace
  };
  Step step = Step::Exec;
  int error = 0;  // an errno
};

/// Why there is no job though the system had made a process for it.
std::string why_not_started(const StartFailure& failure);

/// What the job is and what it gets from whoever started dlock.
struct JobSpec {
  std::vector<std::string> command;
  /// Added to the inherited environment, or put in the place of a variable of that name.
  std::vector<std::pair<std::string, std::string>> environment;
  /// Variables that it does not inherit.
  std::vector<std::string> left_out;
  InheritedSignals signals;
  /// The front's pid, for variables such as LISTEN_PID that name the process they are meant for.
  pid_t front = 0;
  /// Without a controlling terminal: then a group signal to dlock does not reach the job twice,
  /// and its whole session can be killed at once.
  bool own_session = false;
  /// If not negative, the job starts inside this cgroup.
  int cgroup_directory = -1;
  bool pid_namespace = false;
  /// When its lease is over nothing is executed. Null: there is no lease.
  const SharedDeadline* deadline = nullptr;
};

/// A JobSpec made ready for exec: all memory that the child will need is allocated here, in the
/// parent, for the child may have to do without (see borrowed_fork).
class JobProgram {
 public:
  explicit JobProgram(JobSpec spec);
  JobProgram(const JobProgram&) = delete;
  JobProgram& operator=(const JobProgram&) = delete;

  /// Turns this process, a fresh child of `parent`, into the job. When exec fails a
  /// StartFailure goes down the first pipe. The last writer lets go of the second
  /// one when all but exec is done: from then on there are bare calls only, and nobody waits for
  /// them, for exec may hang.
  [[noreturn]] void become(pid_t parent, int exec_pipe, int prepared_pipe);

 private:
  /// A variable such as LISTEN_PID, by which systemd says for which process something is meant. It
  /// meant the job, whose pid is known in the child only: there is room for it behind the name.
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
  std::vector<char*> script_words_;  // for the shell, should it be a script that names none
  std::vector<std::string> set_variables_;
  std::array<PidVariable, 2> pid_variables_;
  std::vector<char*> environment_;
};

}  // namespace dlock
