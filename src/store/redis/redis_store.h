#pragma once

#include "redis/subscription.h"
#include "store/redis/acquire_reply.h"
#include "store/redis/lock_keys.h"
#include "store/redis/migrating_slot.h"
#include "store/redis/script_caller.h"
#include "store/store.h"

#include <optional>

namespace dlock::redis {

/// Whether a server that came up a moment ago is trusted not to have forgotten a holder.
enum class Restart { Distrust, Trust };

/// What a liveness that ran out means for a lock that is still ours. A loss, for a peer may have
/// judged us dead and be about to take over; but whoever chose --on-silence=continue gave that up.
enum class Lapse { IsLoss, IsRevived };

/// Whether the keys that one script touches must lie in one slot: in a Redis Cluster.
enum class Slots { Any, One };

/// A lock on Redis or Valkey. PROTOCOL.md describes the keys, the scripts and the rules.
class RedisStore final : public Store {
 public:
  struct Setting {
    std::string prefix;
    Restart restart = Restart::Distrust;
    Lapse lapse = Lapse::IsLoss;
    Slots slots = Slots::Any;
  };
  RedisStore(ScriptCaller caller, Setting setting)
      : caller_(std::move(caller)), setting_(std::move(setting)) {}

  Result<AcquireAnswer, StoreFault> acquire(const Claim& claim,
                                            const CallDeadline& deadline) override;
  void await_turn(const Claim& claim, const CallDeadline& deadline) override;
  void await_loss(const Claim& claim, const Grant& grant, const CallDeadline& deadline) override;
  void leave_queue(const Claim& claim, const CallDeadline& deadline) override;
  Result<RenewAnswer, StoreFault> renew(const Claim& claim, const Grant& grant,
                                        const CallDeadline& deadline) override;
  Result<ReleaseAnswer, StoreFault> release(const Claim& claim, const ReleaseOptions& options,
                                            const CallDeadline& deadline) override;
  std::string name() const override { return caller_.name(); }

 private:
  /// What is known of the holder that stands in the way.
  struct Seen {
    Holder holder;
    bool dead = false;  // found so in a request of its own
  };
  // acquire() asks, classifies the reply (classify), and decides.
  Result<Answer, StoreFault> try_acquire(const Claim& claim, const CallDeadline& deadline);
  Result<AcquireAnswer, StoreFault> accept(const GrantReply& granted, const Claim& claim,
                                           const Answer& answer);
  enum class Next { AskAgain, Refuse };
  /// Finds out what the refusal leaves open: whether the holder lives, and whether we can be
  /// called.
  Result<Next, StoreFault> decide(RefusalReply& refused, const Claim& claim, const Answer& answer,
                                  const CallDeadline& deadline);
  Result<Answer, StoreFault> ask_to_renew(const Claim& claim, const Grant& grant,
                                          const CallDeadline& deadline);
  Result<Answer, StoreFault> ask_to_release(const Claim& claim, const ReleaseOptions& options,
                                            const CallDeadline& deadline);

  /// How long its liveness has to live, where that is kept; nothing when it is gone. A request of
  /// its own.
  Result<std::optional<Duration>, StoreFault> inspect(const Claim& claim, const Holder& holder,
                                                      const CallDeadline& deadline);
  /// Whether the acquire script can look at its liveness.
  bool reached_by_script(const Claim& claim, const Holder& holder);

  /// Sees to it that we can be called by the server that answered over that connection. True: this
  /// is new, so that a call may have been missed.
  Result<bool, StoreFault> listen_beside(std::uint64_t connection, const Claim& claim,
                                         const CallDeadline& deadline);
  /// What to say of our ticket: see acquire.lua.
  std::string ticket_of(const Claim& claim) const;

  std::string least_uptime(const Claim& claim) const;
  const LockKeys& keys_of(const LockKey& key);

  ScriptCaller caller_;
  Setting setting_;
  std::optional<LockKeys> keys_;  // of the key that was asked for last
  std::string keys_for_;
  bool slot_migrates_ = false;  // as the last attempt to acquire found
  std::uint32_t attempt_ = 0;
  ProcessHash group_;  // in whose name we hold the lock, if we may not be the only holder

  std::optional<Seen> seen_;
  std::optional<Subscription> wakeups_;  // while we wait, and then as long as we hold the lock
  // Over which connection we were answered: when the subscription was made, and last. A name may
  // lead to another server with each connection, so a subscription belongs to its connection.
  std::uint64_t wakeups_beside_ = 0;
  std::uint64_t answered_over_ = 0;
  Instant hang_again_{};  // when to try, should it have come down while we hold the lock
  std::string ticket_;    // our number in the queue
  Instant ask_again_ = never;
};

}  // namespace dlock::redis
