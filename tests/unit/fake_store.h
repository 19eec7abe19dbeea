// A store whose answers a case sets: at once, late, never, or a fault.
#pragma once

#include "os/clock.h"
#include "os/wait.h"
#include "store/store.h"

#include <atomic>
#include <functional>
#include <string>

namespace dlock::test {

/// Each call runs the function that the case has set for it, and is counted. Without a function,
/// requests fail, a release succeeds, and a wait lasts until its timeout.
class FakeStore : public Store {
 public:
  std::function<Result<AcquireAnswer, StoreFault>(const CallDeadline&)> on_acquire;
  std::function<Result<RenewAnswer, StoreFault>(const Claim&, const Grant&, const CallDeadline&)>
      on_renew;
  std::function<Result<ReleaseAnswer, StoreFault>(const CallDeadline&)> on_release;
  std::function<void(const CallDeadline&)> on_await_loss;

  std::atomic<int> acquires = 0;
  std::atomic<int> renewals = 0;
  std::atomic<int> releases = 0;
  std::atomic<int> loss_waits = 0;
  std::atomic<int> turn_waits = 0;
  std::atomic<int> queue_leaves = 0;

  Result<AcquireAnswer, StoreFault> acquire(const Claim&, const CallDeadline& deadline) override {
    ++acquires;
    return on_acquire ? on_acquire(deadline) : StoreFault{};
  }
  Result<RenewAnswer, StoreFault> renew(const Claim& claim, const Grant& grant,
                                        const CallDeadline& deadline) override {
    ++renewals;
    return on_renew ? on_renew(claim, grant, deadline) : StoreFault{};
  }
  void await_loss(const Claim&, const Grant&, const CallDeadline& deadline) override {
    ++loss_waits;
    if (on_await_loss) return on_await_loss(deadline);
    wait(-1, 0, deadline);
  }
  void await_turn(const Claim&, const CallDeadline&) override { ++turn_waits; }
  void leave_queue(const Claim&, const CallDeadline&) override { ++queue_leaves; }
  Result<ReleaseAnswer, StoreFault> release(const Claim&, const ReleaseOptions&,
                                            const CallDeadline& deadline) override {
    ++releases;
    return on_release ? on_release(deadline) : ReleaseAnswer{Released{}};
  }
  std::string name() const override { return "fake"; }
};

}  // namespace dlock::test
