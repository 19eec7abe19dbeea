#pragma once

#include "store/redis/connection.h"
#include "store/redis/scripts.h"
#include "store/store.h"

namespace dlock::redis {

/// Whether a server that came up a moment ago is trusted not to have forgotten a holder.
enum class Restart { Distrust, Trust };

/// What a liveness that ran out means for a lock that is still ours. A loss, for a peer may have
/// judged us dead and be about to take over; but whoever chose --on-silence=continue gave that up.
enum class Lapse { IsLoss, IsRevived };

/// A lock on one standalone Redis or Valkey. The protocol is that of DESIGN section 3; what is
/// atomic and why is in the scripts.
class RedisStore final : public Store {
 public:
  RedisStore(const RedisAddress& address, std::string prefix, Restart restart, Lapse lapse)
      : connection_(address), prefix_(std::move(prefix)), restart_(restart), lapse_(lapse) {}

  Result<AcquireAnswer, StoreFault> acquire(const Claim& claim, const Patience& patience) override;
  Result<RenewAnswer, StoreFault> renew(const Claim& claim, const Grant& grant,
                                        const Patience& patience) override;
  Result<ReleaseAnswer, StoreFault> release(const Claim& claim, const Patience& patience) override;
  std::string name() const override { return connection_.name(); }

 private:
  struct Answer {
    Reply reply;
    Instant sent_at;  // read before the request left
  };
  Result<Answer, StoreFault> run(const Script& script, const std::vector<std::string>& keys,
                                 const std::vector<std::string>& arguments,
                                 const Patience& patience);
  Result<Answer, StoreFault> try_acquire(const Claim& claim, const Holder* seen,
                                         const Patience& patience);

  std::string lock_key(const LockKey& key) const { return prefix_ + "lock:" + key.bytes(); }
  std::string liveness_key(const ProcessHash& process) const {
    return prefix_ + "proc:" + process.text;
  }
  std::string token_key(const LockKey& key) const {
    return prefix_ + "fence:{" + lock_key(key) + "}";
  }

  Connection connection_;
  std::string prefix_;
  Restart restart_;
  Lapse lapse_;
  std::uint32_t attempt_ = 0;
};

}  // namespace dlock::redis
