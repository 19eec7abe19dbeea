#pragma once

#include "core/once.h"
#include "core/time.h"

#include <string>

namespace dlock {

/// Now by CLOCK_BOOTTIME. The kernel itself is asked, for a preloaded library may have its own idea
/// of this clock and not of its timers.
struct BootClock {
  static Instant now();
};

/// Now by the wall clock of this machine, in the terms of a store's clock.
StoreTime wall_clock_now();

/// The same as `2026-01-31T02:00:00.123Z`. For people to read: no decision rests on it.
std::string iso_now();

}  // namespace dlock
