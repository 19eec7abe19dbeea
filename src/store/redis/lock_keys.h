#pragma once

#include "core/fault.h"
#include "core/identity.h"

#include <string>
#include <string_view>

namespace dlock::redis {

/// The reply of PTTL for a missing key.
constexpr long long pttl_of_no_key = -2;

/// The names of all keys of one lock. In a Redis Cluster they lie in one slot, so that one script
/// can access them all. The names are the same in every kind of deployment, so that a lock keeps
/// its token when it moves from one to another.
class LockKeys {
 public:
  LockKeys(std::string prefix, const LockKey& key);

  /// Whether all names can be mapped to one slot. They cannot if the first braces of the prefix are
  /// empty, because Redis then hashes each whole name.
  static bool prefix_fits_cluster(std::string_view prefix);

  const std::string& prefix() const { return prefix_; }
  const std::string& lock() const { return lock_; }
  const std::string& token() const { return token_; }
  /// The queue of waiters.
  const std::string& queue() const { return queue_; }
  /// The holders of a lock that can have several.
  const std::string& holders() const { return holders_; }
  /// The last run with --once-per.
  const std::string& past_run() const { return past_run_; }

  /// The liveness key of a holder. That of a holder with the Node library can be in any slot.
  std::string liveness(const ProcessHash& process) const;
  /// The place of a waiter in the queue, and the channel that wakes it. (queue.lua builds these
  /// names, too.)
  std::string place(const ProcessHash& process) const;
  std::string channel(const ProcessHash& process) const;
  bool in_our_slot(const std::string& key) const;

  /// The process hash with a tag after its host that maps its liveness key to the slot of the lock.
  /// Peers use the hash as it is.
  ProcessHash homed(const ProcessHash& process) const;

 private:
  std::string prefix_;
  std::string lock_;
  int slot_;
  std::string token_;
  std::string queue_;
  std::string holders_;
  std::string past_run_;
};

/// The value of the lock key was written neither by dlock nor by a peer.
StoreFault not_a_lock(const std::string& server, const std::string& lock_key);

}  // namespace dlock::redis
