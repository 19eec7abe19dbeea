#pragma once

#include "core/ending.h"
#include "core/log.h"
#include "core/waiting.h"
#include "store/store.h"

#include <functional>
#include <string>
#include <variant>

namespace dlock::supervise {

/// The reason why no job was started.
struct NotAcquired {
  Ending ending;
  std::int32_t detail = 0;
  std::string reason;  // for people to read, without the key
  Holder holder = {};  // if the lock is held
};

/// Whether the holder is the run `part_of` (empty: none), of whose job this run is a part. Such a
/// holder waits for this run to end.
bool waits_for_us(const Holder& holder, const OwnerHash& part_of);

/// Called with a short description of what the claim waits for, whenever it changes.
using WaitNews = std::function<void(const std::string&)>;

/// Acquires the lock, or returns the reason why it cannot.
///
/// The store has half a TTL for its first answer. A claim that waits is retried up to its limit,
/// even if the store is unavailable, also from the start. The log gets a line with the holder when
/// the wait begins and every minute. If the server is too young to be trusted, acquire() waits for
/// it and logs one line. It never waits for a holder for which waits_for_us() is true.
std::variant<Grant, NotAcquired> acquire(Store& store, const Claim& claim, WaitLimit limit,
                                         const OwnerHash& part_of, Cancellation& cancellation,
                                         const WaitNews& news, Log& log);

}  // namespace dlock::supervise
