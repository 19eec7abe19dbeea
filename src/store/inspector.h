#pragma once

#include "store/lock_status.h"
#include "store/store.h"

#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace dlock {

/// Somebody who wants a lock to be free.
struct Unlocker {
  std::string host;
  long pid = 0;
  std::string user;
  std::string command;
  ProcessHash process;
  /// Whether also a holder that lives loses the lock.
  bool by_force = false;
};

/// What stands in the place of a holder that was told to let go, but for the process hash.
Holder mark_of(const Unlocker& by, const OwnerHash& mark);

struct WasFree {};
/// Nobody has the lock any more; these had it, and were dead, or only kept it.
struct Freed {
  std::vector<HolderStatus> from;
};
/// Somebody has it who lives, and there was no force.
struct StillHeld {
  LockStatus by;
};
/// These are told to let go. The lock is not free before they have, or their leases have ended: so
/// long a mark stands in the place of each, under its process hash.
struct Forced {
  std::vector<HolderStatus> from;
};
using UnlockAnswer = std::variant<WasFree, Freed, StillHeld, Forced>;

/// The keys of a store's locks, as far as it can be asked.
struct KeysFound {
  std::vector<std::string> keys;    // sorted
  std::vector<StoreFault> unasked;  // of each part that gave none: a node of a Cluster
};

/// The locks of one store, for those who operate it: looks at them from outside, and frees them.
///
/// Not thread-safe.
class Inspector {
 public:
  virtual ~Inspector() = default;

  virtual Result<LockStatus, StoreFault> look_at(const LockKey& key, const Patience&) = 0;

  /// The keys of all locks that are there; in no case those of another prefix. A lock that comes or
  /// goes meanwhile may be in it or not. A fault when no part of the store could be asked.
  virtual Result<KeysFound, StoreFault> keys(const Patience&) = 0;

  /// Frees the lock if its holder is dead. With force also from one that lives, whose job then dies
  /// at once; as long as it runs nobody else gets the lock.
  virtual Result<UnlockAnswer, StoreFault> unlock(const LockKey& key, const Unlocker& by,
                                                  const Patience&) = 0;

  /// Names the store in messages: without its password.
  virtual std::string name() const = 0;
};

}  // namespace dlock
