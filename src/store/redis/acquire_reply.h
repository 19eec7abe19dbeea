#pragma once

#include "core/fault.h"
#include "core/holder.h"
#include "core/once.h"
#include "core/result.h"
#include "core/time.h"
#include "redis/servers.h"
#include "store/redis/script_caller.h"
#include "store/store.h"

#include <optional>
#include <string>
#include <variant>

namespace dlock::redis {

/// OK: this run holds the lock.
struct GrantReply {
  Holder holder;  // this run, as recorded in the value of the lock
  StoreTime at;
  std::string group;  // the group on whose behalf this run holds the lock; empty if it is the only
                      // holder
};

/// HELD: another run has the lock, or is ahead in the queue.
struct RefusalReply {
  Held held;
  std::optional<std::string> ticket = {};  // the position of this run in the queue, if it is queued
  /// The server found no subscriber on this run's channel.
  bool subscriber_unseen = false;
  /// The request named the holder, so the answer includes whether it is alive.
  bool holder_was_asked_for = false;
};

/// Parses the reply of scripts/acquire.lua. Pure: the caller decides what follows from it. An error
/// reply, or a reply that the script never sends, is a fault.
using AcquireReply = std::variant<GrantReply, RefusalReply, RecentlyRestarted, AlreadyDone>;
Result<AcquireReply, StoreFault> classify(const Answer& answer, const std::string& lock_key);

/// The TTL of a key from a PTTL reply in ms; empty if the key is missing or does not expire.
std::optional<Duration> time_left(long long pttl);

}  // namespace dlock::redis
