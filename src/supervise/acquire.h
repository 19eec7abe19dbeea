#pragma once

#include "core/ending.h"
#include "core/log.h"
#include "store/store.h"

#include <string>
#include <variant>

namespace dlock::supervise {

/// Why no job was started.
struct NotAcquired {
  Ending ending;
  std::int32_t detail = 0;
  std::string reason;  // for a person, without the key
  Holder holder;       // if somebody holds the lock
};

/// Takes the lock or finds out why not. The store has half a TTL to answer; a server that is too
/// young to be trusted is waited for, and one line says so.
std::variant<Grant, NotAcquired> acquire(Store& store, const Claim& claim, Interrupt& interrupt,
                                         Log& log);

/// A silent store must not hold up dlock's end for longer than this.
inline constexpr Duration release_patience = std::chrono::seconds{2};

/// Gives the lock back. A failure is told in one line of that level, and changes nothing: the lock
/// then ends with its liveness.
/// Lost: the store says that the lock had not been ours any more.
ReleaseAnswer give_back(Store& store, const Claim& claim, Log& log,
                        Duration patience = release_patience, LogLevel level = LogLevel::Warning);

}  // namespace dlock::supervise
