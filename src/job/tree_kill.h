#pragma once

#include "core/log.h"
#include "core/time.h"
#include "job/cgroup.h"
#include "job/tree.h"

namespace dlock {

/// Kills all processes of the job repeatedly until the caller has the proof that none is left. Each
/// supervisor has one and drives it from its own loop.
///
/// The cgroup, if there is one, is killed first, and the walk over the tree follows a little later.
/// The walk is needed because a job that is root can leave its cgroup; an immediate walk would only
/// slow down the kernel.
///
/// Logs the survivors two seconds after the start and every second from then on. dlock cannot kill
/// a process that became another user's, and no one can kill a process in state D.
class TreeKill {
 public:
  /// The references must outlive this object.
  TreeKill(const Tree& tree, const Cgroup& cgroup, Log& log)
      : tree_(tree), cgroup_(cgroup), log_(log) {}

  /// `since`: when the kill began, if the other supervisor began it.
  void begin(Instant now, Instant since);

  /// When the next sweep() is due; `never` before begin().
  Instant next() const { return next_; }
  void sweep(Instant now);

 private:
  Tree tree_;
  const Cgroup& cgroup_;
  Log& log_;
  Instant next_ = never;
  Instant report_at_ = never;
};

}  // namespace dlock
