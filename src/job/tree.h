#pragma once

#include "core/time.h"
#include "os/proc.h"

#include <set>
#include <string>
#include <sys/types.h>
#include <vector>

namespace dlock {

/// Finds, signals and kills all descendants of this process, which must be a subreaper: then no
/// orphan escapes, and ECHILD from `waitpid` is the proof that none is left.
///
/// One sweep is not enough, because a process can fork while it runs. The caller repeats it until
/// that proof, and waits for pause() in between.
class Tree {
 public:
  /// `own_session` is the session of the front. A session is inherited only by fork, so every
  /// process in another session descends from the job, and a group there can be killed as a whole.
  /// The own session contains the rest of the shell's pipeline and perhaps the shell.
  ///
  /// `proc` must outlive this object. If it is unusable, no descendant is found and nothing is
  /// signalled.
  Tree(const Proc& proc, pid_t own_session) : proc_(proc), own_session_(own_session) {}

  /// Sends SIGKILL to every descendant and to every process group of a session that the job made.
  /// The kill of a group is atomic against forks inside it.
  void kill_all();

  using Sessions = std::set<pid_t>;

  /// Sends a signal to every descendant except those in the `spared` sessions. Returns those that
  /// were alive.
  std::vector<ProcessInfo> signal_all_but(const Sessions& spared, int number);

  /// Sends SIGKILL to the processes in these sessions, if there is no other descendant.
  void kill_if_alone(const Sessions& sessions);

  /// How long to wait for more deaths before the next sweep. A killed process dies by itself; only
  /// a process forked meanwhile needs another sweep, so the pause grows while no new process is
  /// seen.
  Duration pause() const { return pause_; }

  /// The processes of the last sweep that still exist, with user and state: `4711 (user 0, state
  /// S)`.
  std::string survivors() const;

 private:
  template <class Visitor>
  void visit_descendants(Visitor visitor) const;

  const Proc& proc_;
  pid_t own_session_;
  Duration pause_ = std::chrono::microseconds{500};
  std::set<pid_t> seen_;
};

}  // namespace dlock
