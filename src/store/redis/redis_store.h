#pragma once

#include "redis/subscription.h"
#include "store/redis/acquire_reply.h"
#include "store/redis/lock_keys.h"
#include "store/redis/migrating_slot.h"
#include "store/redis/script_caller.h"
#include "store/store.h"

#include <optional>

namespace dlock::redis {

/// Whether a recently restarted server is trusted to have kept all locks.
enum class Restart { Distrust, Trust };

/// What expired liveness means while the lock still names this run. It is a loss, because a peer
/// can have found the holder dead and be about to take over; --on-silence=continue accepts that
/// risk.
enum class Lapse { IsLoss, IsRevived };

/// Whether the keys of one script must lie in one slot, as in a Redis Cluster.
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
  /// What is known about the current holder.
  struct Seen {
    Holder holder;
    bool dead = false;  // as a separate request found
  };
  // acquire() sends the request, parses the reply (classify), and decides.
  Result<Answer, StoreFault> try_acquire(const Claim& claim, const CallDeadline& deadline);
  Result<AcquireAnswer, StoreFault> accept(const GrantReply& granted, const Claim& claim,
                                           const Answer& answer);
  enum class Next { AskAgain, Refuse };
  /// Resolves what the refusal leaves open: whether the holder is alive, and whether the server can
  /// wake this run.
  Result<Next, StoreFault> decide(RefusalReply& refused, const Claim& claim, const Answer& answer,
                                  const CallDeadline& deadline);
  Result<Answer, StoreFault> ask_to_renew(const Claim& claim, const Grant& grant,
                                          const CallDeadline& deadline);
  Result<Answer, StoreFault> ask_to_release(const Claim& claim, const ReleaseOptions& options,
                                            const CallDeadline& deadline);

  /// The TTL of the holder's liveness key, read in a separate request from the node that stores it;
  /// empty if the key is missing.
  Result<std::optional<Duration>, StoreFault> inspect(const Claim& claim, const Holder& holder,
                                                      const CallDeadline& deadline);
  /// Whether the acquire script can read the holder's liveness key.
  bool reached_by_script(const Claim& claim, const Holder& holder);

  /// Subscribes to the server that answered over that connection. True if the subscription is new,
  /// so that a message may have been missed.
  Result<bool, StoreFault> listen_beside(std::uint64_t connection, const Claim& claim,
                                         const CallDeadline& deadline);
  /// The ticket argument of acquire.lua.
  std::string ticket_of(const Claim& claim) const;

  std::string least_uptime(const Claim& claim) const;
  const LockKeys& keys_of(const LockKey& key);

  ScriptCaller caller_;
  Setting setting_;
  std::optional<LockKeys> keys_;  // of the last requested key
  std::string keys_for_;
  bool slot_migrates_ = false;  // as the last attempt to acquire found
  std::uint32_t attempt_ = 0;
  ProcessHash group_;  // the group on whose behalf this run holds the lock, if there can be several
                       // holders

  std::optional<Seen> seen_;
  std::optional<Subscription> wakeups_;  // while waiting, then while holding the lock
  // The connection that existed when the subscription was made, and the one of the last answer. A
  // name can resolve to another server with each connection, so a subscription belongs to its
  // connection.
  std::uint64_t wakeups_beside_ = 0;
  std::uint64_t answered_over_ = 0;
  Instant hang_again_{};  // when to resubscribe if the subscription ends while this run holds the
                          // lock
  std::string ticket_;    // the position of this run in the queue
  Instant ask_again_ = never;
};

}  // namespace dlock::redis
