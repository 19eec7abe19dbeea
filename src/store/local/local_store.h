#pragma once

#include "store/local/lock_file.h"
#include "store/local/lock_place.h"
#include "store/local/lock_wait.h"
#include "store/store.h"

#include <memory>
#include <optional>
#include <string>

namespace dlock::local {

/// The embedded store: one file a key, held by flock(2), with the holder's data inside.
///
/// The kernel keeps the lock while any process has the descriptor open, so it needs no liveness and
/// no deadline: front and engine both have it, and it ends with the last of them, however they die.
/// The file goes with the release, and its token stays (see token_floor). Those who may not be the
/// only holder have a shared kernel lock on it, and a file each beside it; those who wait have one
/// each in another directory.
class LocalStore final : public Store {
 public:
  /// `directory` is what --store named, empty for the default.
  explicit LocalStore(std::string directory) : wanted_directory_(std::move(directory)) {}

  Result<AcquireAnswer, StoreFault> acquire(const Claim& claim,
                                            const CallDeadline& deadline) override;
  void await_turn(const Claim& claim, const CallDeadline& deadline) override;
  void await_loss(const Claim& claim, const Grant& grant, const CallDeadline& deadline) override;
  void leave_queue(const Claim& claim, const CallDeadline& deadline) override;
  Result<RenewAnswer, StoreFault> renew(const Claim& claim, const Grant& grant,
                                        const CallDeadline& deadline) override;
  Result<ReleaseAnswer, StoreFault> release(const Claim& claim, const ReleaseOptions& options,
                                            const CallDeadline& deadline) override;
  std::vector<int> witnesses() const override;
  bool take_over(const Claim& claim, std::vector<Fd> witnesses) override;
  std::string name() const override;

 private:
  /// What a refused claim waits for, once nobody waits in front of it.
  struct Obstacle {
    std::vector<LockWait::For> locks;
    std::vector<std::string> files;  // of those who hold the lock together: each is to be locked
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
  std::unique_ptr<LockPlace> place_;
  LockFile lock_;
  LockFile share_;  // ours, if we may not be the only holder
  Grant grant_;
  std::optional<FileWatch> watch_;  // of the two

  Obstacle obstacle_;
  std::unique_ptr<LockWait> wait_;
};

}  // namespace dlock::local
