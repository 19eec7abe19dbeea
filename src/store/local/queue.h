#pragma once

#include "store/local/lock_file.h"
#include "store/local/lock_wait.h"
#include "store/local/members.h"

#include <memory>
#include <optional>
#include <string>
#include <sys/file.h>

namespace dlock::local {

/// The waiters of a lock, in the order of their arrival. Each has a file named by its ticket and
/// waits only for the one ahead of it (a CLH queue), which makes way by leaving or by dying.
///
/// The kernel orders the waiters of one file, too, but a run that arrives while the lock passes
/// from one to the next could overtake them.
class Queue {
 public:
  explicit Queue(std::string directory) : waiters_(std::move(directory)) {}

  /// The first waiter ahead of this run, or the first of all if this run is not queued; empty if
  /// there is none.
  Result<std::optional<Holder>, StoreFault> who_is_first() const;

  /// Takes the last place, unless this run has one already. Others read `value`.
  Result<Done, StoreFault> join(const std::string& value, const CallDeadline& deadline);
  /// Looks for the waiter ahead; true if there is none, so that this run is the first.
  Result<bool, StoreFault> are_first();
  /// What to wait for before are_first() is worth calling again.
  LockWait::For the_one_in_front() const { return {in_front_->file.number(), LOCK_SH}; }

  void leave();

 private:
  Members waiters_;
  std::string ticket_;
  LockFile ours_;
  std::optional<Members::Member> in_front_;
};

}  // namespace dlock::local
