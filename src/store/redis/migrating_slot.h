#pragma once

#include "store/redis/lock_keys.h"
#include "store/redis/script_caller.h"
#include "store/store.h"

namespace dlock::redis {

/// Whether the slot is migrating from one node of a Cluster to another, with some of the keys on
/// each: a script with several keys gets this answer until the migration is complete.
bool is_between_nodes(const Result<Answer, StoreFault>& answer);

/// The protocol of a lock with one key for each request, for a slot that migrates.
/// scripts/*_alone.lua define the order of the requests.
///
/// It supports neither a queue nor joining other holders: a run that needs one gets the answer to
/// try again.
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
  /// Each of these replies like the script that it replaces.
  Result<Answer, StoreFault> acquire(const Attempt& attempt);

  struct Renewal {
    const Grant& grant;
    const std::string& value;
    bool revive = false;
    const ProcessHash& group;  // empty if this run is the only holder
  };
  Result<Answer, StoreFault> renew(const Renewal& renewal);
  Result<Answer, StoreFault> release(const ProcessHash& group, const ReleaseOptions& options);

 private:
  Result<Answer, StoreFault> create(const Attempt& attempt);
  Result<Answer, StoreFault> renew_lock(const Renewal& renewal);
  Result<Answer, StoreFault> renew_share(const Renewal& renewal);
  /// Replies 0 if the key was missing and `revive` is false; with `revive` it recreates the key.
  Result<Answer, StoreFault> extend(const std::string& liveness, bool revive);
  Result<Answer, StoreFault> extend_group(const ProcessHash& group, Duration keep);

  ScriptCaller& caller_;
  const LockKeys& keys_;
  const Claim& claim_;
  const CallDeadline& deadline_;
};

}  // namespace dlock::redis
