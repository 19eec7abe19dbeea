#pragma once

#include "core/log.h"
#include "core/time.h"
#include "job/cgroup.h"
#include "job/tree.h"

#include <string>

namespace dlock {

/// Kills all of the job, again and again, until the caller has the proof that nothing is left. Both
/// supervisors have one; each drives it from its own loop.
///
/// The cgroup goes first, if there is one, and the walk over the tree follows a little later: a job
/// that is root can leave its cgroup, but walking at once would only hinder the kernel at its work.
///
/// Says who will not die: two seconds after the beginning, and every second from then on. A process
/// that became another user's cannot be killed by us, one in state D by nobody.
class TreeKill {
 public:
  /// `about` begins each line. The references must outlive this.
  TreeKill(const Tree& tree, const Cgroup& cgroup, std::string about, Log& log)
      : tree_(tree), cgroup_(cgroup), about_(std::move(about)), log_(log) {}

  /// `since`: when the killing began, if the other supervisor began it.
  void begin(Instant now, Instant since);

  /// When sweep() is due next; `never` before begin().
  Instant next() const { return next_; }
  void sweep(Instant now);

 private:
  Tree tree_;
  const Cgroup& cgroup_;
  std::string about_;
  Log& log_;
  Instant next_ = never;
  Instant speak_at_ = never;
};

}  // namespace dlock
