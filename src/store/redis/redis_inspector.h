#pragma once

#include "store/inspector.h"
#include "store/redis/lock_keys.h"
#include "store/redis/script_caller.h"

namespace dlock::redis {

/// The locks on Redis or Valkey, of dlock and of its peers.
class RedisInspector final : public Inspector {
 public:
  RedisInspector(ScriptCaller caller, std::string prefix)
      : caller_(std::move(caller)), prefix_(std::move(prefix)) {}

  Result<LockStatus, StoreFault> look_at(const LockKey& key, const Patience& patience) override;
  Result<KeysFound, StoreFault> keys(const Patience& patience) override;
  Result<UnlockAnswer, StoreFault> unlock(const LockKey& key, const Unlocker& by,
                                          const Patience& patience) override;
  std::string name() const override { return caller_.name(); }

 private:
  struct Sight {
    LockStatus lock;
    std::vector<std::size_t> unasked;  // the holders whose liveness no script can see
  };
  Result<Sight, StoreFault> ask_for(const LockKeys& keys, const Patience& patience);
  Result<Done, StoreFault> ask_for_liveness(const LockKeys& keys, HolderStatus& holder,
                                            const Patience& patience);
  Result<std::vector<std::string>, StoreFault> keys_on(Connection& server,
                                                       const Patience& patience) const;

  ScriptCaller caller_;
  std::string prefix_;
};

}  // namespace dlock::redis
