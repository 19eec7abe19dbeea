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

/// OK: the lock is ours.
struct GrantReply {
  Holder holder;  // we, as the value of the lock has it
  StoreTime at;
  std::string group;  // in whose name we hold it; empty if we hold it alone
};

/// HELD: somebody else has the lock, or waits for it in front of us.
struct RefusalReply {
  Held held;
  std::optional<std::string> ticket = {};  // our number in the queue, if we are in it
  /// The server found nobody who listens on our channel.
  bool subscriber_unseen = false;
  /// The holder was known when we asked, so whether it lives is part of the answer.
  bool holder_was_asked_for = false;
};

/// What scripts/acquire.lua has answered. Pure: what follows from it is decided elsewhere. An error
/// reply, and what the script does not say, is a fault.
using AcquireReply = std::variant<GrantReply, RefusalReply, RecentlyRestarted, AlreadyDone>;
Result<AcquireReply, StoreFault> classify(const Answer& answer, const std::string& lock_key);

/// What PTTL says of a key, in ms; nothing for one that is gone or does not expire.
std::optional<Duration> time_left(long long pttl);

}  // namespace dlock::redis
