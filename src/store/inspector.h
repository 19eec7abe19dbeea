#pragma once

#include "core/holder.h"
#include "core/once.h"
#include "core/time.h"
#include "store/store.h"

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace dlock {

/// One of those that hold a lock, as its store sees it at one moment.
struct HolderStatus {
  enum class Life {
    Alive,
    Dead,  // it has not shown for too long that it lives: the next one who asks takes the lock
    HeldByMinHold,  // it has ended, and --min-hold keeps the lock
    Forced,         // it was told to let go, and has not confirmed yet that its job is gone
  };
  Holder holder;
  Life life = Life::Alive;
  std::optional<Duration> held_for = {};    // by the clock of the store, as far as it is known
  std::optional<Duration> silent_for = {};  // since it showed that it lives
  std::optional<Duration> ends_in = {};     // if it does not show so again, or is only kept
};

/// A lock, as its store sees it at one moment. Bytes come from the store: show them through
/// printable() only.
struct LockStatus {
  enum class State {
    Free,
    Dead,           // all of its holders are
    HeldByMinHold,  // its job has ended, and only --min-hold keeps it
    Held,           // somebody lives who holds it
    NotALock        // something else has its name
  };

  std::string key;
  std::vector<HolderStatus> holders = {};
  std::vector<Holder> waiters = {};  // the first hundred, in their order
  std::size_t waiting = 0;           // how many there are
  std::optional<Duration> ends_in = {};
  std::optional<PastRun> past_run = {};
  bool not_a_lock = false;

  State state() const;
};

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

  virtual Result<LockStatus, StoreFault> inspect(const LockKey& key, const CallDeadline&) = 0;

  /// The keys of all locks that are there; in no case those of another prefix. A lock that comes or
  /// goes meanwhile may be in it or not. A fault when no part of the store could be asked.
  virtual Result<KeysFound, StoreFault> keys(const CallDeadline&) = 0;

  /// Frees the lock if its holder is dead. With force also from one that lives, whose job then dies
  /// at once; as long as it runs nobody else gets the lock.
  virtual Result<UnlockAnswer, StoreFault> unlock(const LockKey& key, const Unlocker& by,
                                                  const CallDeadline&) = 0;

  /// Names the store in messages: without its password.
  virtual std::string name() const = 0;
};

}  // namespace dlock
