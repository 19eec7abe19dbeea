#pragma once

#include "store/redis/lock_keys.h"
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

/// A lock on Redis or Valkey. The protocol is that of DESIGN section 3; what is atomic and why is
/// in the scripts.
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

  Result<AcquireAnswer, StoreFault> acquire(const Claim& claim, const Patience& patience) override;
  Result<RenewAnswer, StoreFault> renew(const Claim& claim, const Grant& grant,
                                        const Patience& patience) override;
  Result<ReleaseAnswer, StoreFault> release(const Claim& claim, const Patience& patience) override;
  std::string name() const override { return caller_.name(); }

 private:
  /// What is known of the holder that stands in the way.
  struct Seen {
    Holder holder;
    bool dead = false;  // found so in a request of its own
  };
  Result<Answer, StoreFault> try_acquire(const Claim& claim, const std::optional<Seen>& seen,
                                         const Patience& patience);
  Result<Answer, StoreFault> ask_to_renew(const Claim& claim, const Grant& grant,
                                          const Patience& patience);
  Result<Answer, StoreFault> ask_to_release(const Claim& claim, const Patience& patience);

  // In a slot that migrates a script gets at one key only: see scripts/*_alone.lua.
  Result<Answer, StoreFault> try_acquire_alone(const Claim& claim, const std::optional<Seen>& seen,
                                               const OwnerHash& owner, const Patience& patience);
  Result<Answer, StoreFault> renew_alone(const Claim& claim, const Grant& grant,
                                         const Patience& patience);
  Result<Answer, StoreFault> release_alone(const Claim& claim, const Patience& patience);

  /// Looks where its liveness is kept; a request of its own.
  Result<bool, StoreFault> is_alive(const Claim& claim, const Holder& holder,
                                    const Patience& patience);
  /// Whether the acquire script can look at its liveness.
  bool reached_by_script(const Claim& claim, const Holder& holder);
  std::string least_uptime(const Claim& claim) const;
  const LockKeys& keys_of(const LockKey& key);

  ScriptCaller caller_;
  Setting setting_;
  std::optional<LockKeys> keys_;  // of the key that was asked for last
  std::string keys_for_;
  bool slot_migrates_ = false;  // as the last attempt to acquire found
  std::uint32_t attempt_ = 0;
};

}  // namespace dlock::redis
