#pragma once

#include "store/inspector.h"
#include "store/redis/lock_keys.h"
#include "store/redis/script_caller.h"

namespace dlock::redis {

/// The locks of dlock and its peers in Redis or Valkey.
class RedisInspector final : public Inspector {
 public:
  RedisInspector(ScriptCaller caller, std::string prefix)
      : caller_(std::move(caller)), prefix_(std::move(prefix)) {}

  Result<LockStatus, StoreFault> inspect(const LockKey& key, const CallDeadline& deadline) override;
  Result<KeysFound, StoreFault> keys(const CallDeadline& deadline) override;
  Result<UnlockAnswer, StoreFault> unlock(const LockKey& key, const Unlocker& by,
                                          const CallDeadline& deadline) override;
  std::string name() const override { return caller_.name(); }

 private:
  struct StatusReply {
    LockStatus lock;
    std::vector<std::size_t> unasked;  // the holders whose liveness no script can read
  };
  Result<StatusReply, StoreFault> ask_for(const LockKeys& keys, const CallDeadline& deadline);
  Result<Done, StoreFault> ask_for_liveness(const LockKeys& keys, HolderStatus& holder,
                                            const CallDeadline& deadline);
  Result<std::vector<std::string>, StoreFault> keys_on(Connection& server,
                                                       const CallDeadline& deadline) const;

  ScriptCaller caller_;
  std::string prefix_;
};

}  // namespace dlock::redis
