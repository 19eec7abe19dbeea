#pragma once

#include "core/fault.h"
#include "core/identity.h"

#include <string>
#include <string_view>

namespace dlock::redis {

/// What PTTL replies when there is no such key.
constexpr long long pttl_of_no_key = -2;

/// The names of all keys of one lock. In a Redis Cluster they lie in one slot, so that one script
/// can touch them all; the same names are used everywhere, so that a lock keeps its token when it
/// moves from one kind of deployment to another.
class LockKeys {
 public:
  LockKeys(std::string prefix, const LockKey& key);

  /// Whether all names can be brought into one slot: not where the first braces of the prefix are
  /// empty, for then each whole name counts.
  static bool prefix_fits_cluster(std::string_view prefix);

  const std::string& prefix() const { return prefix_; }
  const std::string& lock() const { return lock_; }
  const std::string& token() const { return token_; }
  /// Those who wait.
  const std::string& queue() const { return queue_; }
  /// Those who hold the lock, if there may be several.
  const std::string& holders() const { return holders_; }
  /// The last run with --once-per.
  const std::string& past_run() const { return past_run_; }

  /// The liveness of a holder, which a holder of the Node library has in any slot.
  std::string liveness(const ProcessHash& process) const;
  /// The place of a waiter in the queue, and the channel on which it is called. (queue.lua makes
  /// these names, too.)
  std::string place(const ProcessHash& process) const;
  std::string channel(const ProcessHash& process) const;
  bool in_our_slot(const std::string& key) const;

  /// The process hash with a tag behind its host that puts its liveness into the lock's slot. Peers
  /// take the hash as it is.
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

/// The value of the lock key was not written by dlock or a peer.
StoreFault not_a_lock(const std::string& server, const std::string& lock_key);

}  // namespace dlock::redis
