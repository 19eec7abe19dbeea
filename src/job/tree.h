#pragma once

#include "core/time.h"
#include "os/proc.h"

#include <set>
#include <string>
#include <sys/types.h>
#include <vector>

namespace dlock {

/// Finds, signals and kills all descendants of this process, which must be a subreaper: then no
/// orphan escapes, and `waitpid` saying ECHILD is the proof that none is left.
///
/// One sweep cannot be enough, for a process may fork while it runs. The caller sweeps again until
/// that proof, and waits as long as pause() says in between.
class Tree {
 public:
  /// `own_session` is the session of the front. A process in any other session descends from the
  /// job, for a session is inherited by fork alone, so a group there may be killed as a whole; in
  /// our own session are the rest of the shell's pipeline and perhaps the shell.
  ///
  /// `proc` must outlive this. Where it is unusable no descendant is found, and nothing is
  /// signalled.
  Tree(const Proc& proc, pid_t own_session) : proc_(proc), own_session_(own_session) {}

  /// Sends SIGKILL to every descendant and, atomically against forks inside, to every group of a
  /// session that the job made.
  void kill_all();

  using Sessions = std::set<pid_t>;

  /// Sends a signal to every descendant but those in these sessions, and returns those that were
  /// alive.
  std::vector<ProcessInfo> signal_all_but(const Sessions& spared, int number);

  /// Sends SIGKILL to those in these sessions, if there is no other descendant.
  void kill_if_alone(const Sessions& sessions);

  /// How long to wait for more deaths before the next sweep. A killed process dies by itself; only
  /// what was forked meanwhile needs another one, so the pause grows while nothing new is seen.
  Duration pause() const { return pause_; }

  /// Those that were there in the last sweep, with user and state: `4711 (user 0, state S)`.
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
