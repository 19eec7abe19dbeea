#pragma once

#include "store/local/lock_file.h"
#include "store/local/lock_wait.h"
#include "store/local/members.h"

#include <memory>
#include <optional>
#include <string>
#include <sys/file.h>

namespace dlock::local {

/// Those who wait for a lock, in the order in which they came: each has a file named by its ticket
/// and waits for the one in front of it alone (a CLH queue), which gives way by leaving or by
/// dying.
///
/// The kernel has an order for those who wait for one file, too, but whoever comes while the lock
/// passes from one to the next gets in between.
class Queue {
 public:
  explicit Queue(std::string directory) : waiters_(std::move(directory)) {}

  /// Who waits in front of us, or at all if we do not; nothing when nobody does.
  Result<std::optional<Holder>, StoreFault> who_is_first() const;

  /// Takes the last place, if we have none; `value` is what others see.
  Result<Done, StoreFault> join(const std::string& value, const CallDeadline& deadline);
  /// Looks who is in front of us; nobody: true, we are the first.
  Result<bool, StoreFault> are_first();
  /// What to wait for until are_first() is worth asking again.
  LockWait::For the_one_in_front() const { return {in_front_->file.number(), LOCK_SH}; }

  void leave();

 private:
  Members waiters_;
  std::string ticket_;
  LockFile ours_;
  std::optional<Members::Member> in_front_;
};

}  // namespace dlock::local
