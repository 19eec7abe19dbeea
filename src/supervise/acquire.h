#pragma once

#include "core/ending.h"
#include "core/log.h"
#include "core/waiting.h"
#include "store/store.h"

#include <functional>
#include <string>
#include <variant>

namespace dlock::supervise {

/// Why no job was started.
struct NotAcquired {
  Ending ending;
  std::int32_t detail = 0;
  std::string reason;  // for a person, without the key
  Holder holder = {};  // if somebody holds the lock
};

/// Whether that holder is the run `part_of` (empty: none), in whose job we are.
bool waits_for_us(const Holder& holder, const OwnerHash& part_of);

/// Told for whom a claim waits, in a few words, whenever that is somebody else.
using WaitNews = std::function<void(const std::string&)>;

/// Takes the lock or finds out why not.
///
/// The store has half a TTL for its first answer; a claim that waits is waited for up to its limit,
/// whatever becomes of the store, also if that is away from the start. A line says for whom when
/// that begins, and again every minute. A server that is too young to be trusted is waited for, and
/// one line says so. Nobody waits for a run that waits_for_us().
std::variant<Grant, NotAcquired> acquire(Store& store, const Claim& claim, WaitLimit limit,
                                         const OwnerHash& part_of, Cancellation& cancellation,
                                         const WaitNews& news, Log& log);

}  // namespace dlock::supervise
