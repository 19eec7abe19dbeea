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

/// One holder of a lock, as the store sees it at one moment.
struct HolderStatus {
  enum class Life {
    Alive,
    Dead,           // its liveness has expired: the next run that acquires takes the lock over
    HeldByMinHold,  // the job has ended, and --min-hold keeps the lock
    Forced,         // unlocked by force; the end of its job is not confirmed yet
  };
  Holder holder;
  Life life = Life::Alive;
  std::optional<Duration> held_for = {};     // by the clock of the store, if known
  std::optional<Duration> renewed_ago = {};  // since the last proof of liveness
  std::optional<Duration> ends_in = {};      // until it expires, if not renewed or if only kept
};

/// A lock, as the store sees it at one moment. Its texts are untrusted bytes from the store: pass
/// them through printable() before showing them.
struct LockStatus {
  enum class State {
    Free,
    Dead,           // all of its holders are dead
    HeldByMinHold,  // its job has ended, and only --min-hold keeps it
    Held,           // at least one holder is alive
    NotALock        // the key has a value that is not a lock
  };

  std::string key;
  std::vector<HolderStatus> holders = {};
  std::vector<Holder> waiters = {};  // the first hundred, in queue order
  std::size_t waiting = 0;           // the number of all waiters
  std::optional<Duration> ends_in = {};
  std::optional<PastRun> past_run = {};
  bool not_a_lock = false;

  State state() const;
};

/// The caller of an unlock.
struct Unlocker {
  std::string host;
  long pid = 0;
  std::string user;
  std::string command;
  ProcessHash process;
  /// Whether a holder that is alive loses the lock, too.
  bool by_force = false;
};

/// The tombstone that replaces a holder after a forced unlock. The caller adds the process hash.
Holder mark_of(const Unlocker& by, const OwnerHash& mark);

struct WasFree {};
/// The lock is free now. `from` lists its former holders, which were dead or only kept it.
struct Freed {
  std::vector<HolderStatus> from;
};
/// A holder is alive, and `by_force` was not set.
struct StillHeld {
  LockStatus by;
};
/// These holders were ordered to stop. The lock is free once each has released it or its lease has
/// expired. Until then a tombstone under the holder's process hash replaces the holder.
struct Forced {
  std::vector<HolderStatus> from;
};
using UnlockAnswer = std::variant<WasFree, Freed, StillHeld, Forced>;

/// The keys of a store's locks, from all parts of it that answered.
struct KeysFound {
  std::vector<std::string> keys;    // sorted
  std::vector<StoreFault> unasked;  // one for each part that did not answer: a node of a Cluster
};

/// The operator's view of the locks of one store: shows and frees them without running a job.
///
/// Not thread-safe.
class Inspector {
 public:
  virtual ~Inspector() = default;

  virtual Result<LockStatus, StoreFault> inspect(const LockKey& key, const CallDeadline&) = 0;

  /// The keys of all existing locks with this prefix, never those of another prefix. A lock that is
  /// created or removed during the call can be missing or included. A fault if no part of the store
  /// answered.
  virtual Result<KeysFound, StoreFault> keys(const CallDeadline&) = 0;

  /// Frees the lock if its holder is dead. With force it also takes the lock from a holder that is
  /// alive, whose job is then killed at once; no other run gets the lock while that job runs.
  virtual Result<UnlockAnswer, StoreFault> unlock(const LockKey& key, const Unlocker& by,
                                                  const CallDeadline&) = 0;

  /// The name of the store in messages, without its password.
  virtual std::string name() const = 0;
};

}  // namespace dlock
