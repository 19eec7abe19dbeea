#pragma once

#include "store/redis/lock_keys.h"
#include "store/redis/script_caller.h"
#include "store/store.h"

namespace dlock::redis {

/// The slot is on its way from one node of a Cluster to another, and has some of the keys here and
/// some there: a script that names several gets this answer as long as it takes.
bool is_between_nodes(const Result<Answer, StoreFault>& answer);

/// The protocol of a lock with one key for each request, for a slot that migrates. In what order
/// the requests must come is in scripts/*_alone.lua.
///
/// There is no queue then, and no place beside other holders: who wants one is told to try again.
class MigratingSlot {
 public:
  MigratingSlot(ScriptCaller& caller, const LockKeys& keys, const Claim& claim,
                const CallDeadline& deadline)
      : caller_(caller), keys_(keys), claim_(claim), deadline_(deadline) {}

  struct Attempt {
    const OwnerHash& owner;
    const std::string& least_uptime;
    const std::string& dead_holder;  // owner hash of a holder that was found dead, or empty
  };
  /// Each answers as the script whose place it takes.
  Result<Answer, StoreFault> acquire(const Attempt& attempt);

  struct Renewal {
    const Grant& grant;
    const std::string& value;
    bool revive = false;
    const ProcessHash& group;  // empty if we are the only holder
  };
  Result<Answer, StoreFault> renew(const Renewal& renewal);
  Result<Answer, StoreFault> release(const ProcessHash& group, const ReleaseOptions& options);

 private:
  Result<Answer, StoreFault> create(const Attempt& attempt);
  Result<Answer, StoreFault> renew_lock(const Renewal& renewal);
  Result<Answer, StoreFault> renew_share(const Renewal& renewal);
  /// 0: it was gone. `revive` brings it back instead.
  Result<Answer, StoreFault> extend(const std::string& liveness, bool revive);
  Result<Answer, StoreFault> extend_group(const ProcessHash& group, Duration keep);

  ScriptCaller& caller_;
  const LockKeys& keys_;
  const Claim& claim_;
  const CallDeadline& deadline_;
};

}  // namespace dlock::redis
