#pragma once

#include "store/local/lock_directory.h"
#include "store/local/lock_file.h"
#include "store/local/lock_place.h"
#include "store/local/lock_wait.h"
#include "store/store.h"

#include <memory>
#include <optional>
#include <string>

namespace dlock::local {

/// The embedded store: one file per key, locked by flock(2), that contains the holder's data.
///
/// The kernel keeps the lock while any process has the descriptor open, so the store needs no
/// liveness and no deadline. Front and engine both have it, and the lock ends with the last of
/// them, however they die. A release removes the file but keeps its token (see token_floor_of).
/// Holders of a lock that can have several share a kernel lock on it and have one file each beside
/// it; waiters have one file each in another directory.
class LocalStore final : public Store {
 public:
  /// `directory` is the one in --store, empty for the default.
  LocalStore(std::string directory, Unsure unsure)
      : wanted_directory_(std::move(directory)), unsure_(unsure) {}

  Result<AcquireAnswer, StoreFault> acquire(const Claim& claim,
                                            const CallDeadline& deadline) override;
  void await_turn(const Claim& claim, const CallDeadline& deadline) override;
  void await_loss(const Claim& claim, const Grant& grant, const CallDeadline& deadline) override;
  void leave_queue(const Claim& claim, const CallDeadline& deadline) override;
  Result<RenewAnswer, StoreFault> renew(const Claim& claim, const Grant& grant,
                                        const CallDeadline& deadline) override;
  Result<ReleaseAnswer, StoreFault> release(const Claim& claim, const ReleaseOptions& options,
                                            const CallDeadline& deadline) override;
  std::vector<int> lock_descriptors() const override;
  bool take_over(const Claim& claim, std::vector<Fd> descriptors) override;
  std::string name() const override;

 private:
  /// What a refused claim waits for, once there is no waiter ahead of it.
  struct Obstacle {
    std::vector<LockWait::For> locks;
    std::vector<std::string> files;  // of the holders that share the lock: the claim waits for each
    std::optional<Duration> ends_in;
  };

  Result<Done, StoreFault> find_place(const Claim& claim);
  Result<AcquireAnswer, StoreFault> try_to_take(const Claim& claim, const CallDeadline& deadline);
  Result<Done, StoreFault> open_lock();
  Result<AcquireAnswer, StoreFault> acquire_alone(const Claim& claim);
  Result<AcquireAnswer, StoreFault> acquire_share(const Claim& claim, const CallDeadline& deadline);
  Result<AcquireAnswer, StoreFault> granted(const Claim& claim, const Members::Turn* turn);
  Held refused_by(Holder holder, LockWait::For lock);
  Held refused_by(const std::vector<Members::Member>& members);
  std::optional<Held> refused_by_kept();
  Result<std::optional<Held>, StoreFault> refused_by_waiter();
  Result<std::optional<AlreadyDone>, StoreFault> done(const Claim& claim) const;
  Result<Done, StoreFault> remember(const Claim& claim, PastRun run) const;
  const LockFile& our_file() const { return share_.is_open() ? share_ : lock_; }
  std::optional<Holder> mark_of_force() const;
  bool in_place() const;

  std::string wanted_directory_;
  Unsure unsure_;
  std::unique_ptr<LockPlace> place_;
  LockFile lock_;
  LockFile share_;  // this run's own file, if there can be several holders
  Grant grant_;
  std::optional<FileWatch> watch_;  // on both files

  Obstacle obstacle_;
  std::unique_ptr<LockWait> wait_;
};

}  // namespace dlock::local
