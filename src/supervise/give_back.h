#pragma once

#include "core/log.h"
#include "store/store.h"

#include <optional>

namespace dlock::supervise {

/// A silent store must not hold up dlock's end for longer than this.
inline constexpr Duration release_patience = std::chrono::seconds{2};

/// How to take leave of a lock.
struct GiveBack {
  Farewell farewell = {};
  Duration patience = release_patience;
  /// A failure is told in one line of that level, and changes nothing: the lock then ends with its
  /// liveness.
  LogLevel level = LogLevel::Warning;
};

/// Gives the lock back. Lost: the store says that the lock had not been ours any more. Nothing: it
/// did not say anything.
std::optional<ReleaseAnswer> give_back(Store& store, const Claim& claim, Log& log,
                                       const GiveBack& how = {});

}  // namespace dlock::supervise
