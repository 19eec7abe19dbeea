#pragma once

#include "core/once.h"
#include "core/time.h"

#include <string>

namespace dlock {

/// The current time of CLOCK_BOOTTIME, read directly from the kernel: a preloaded library can fake
/// this clock and not its timers.
struct BootClock {
  static Instant now();
};

/// The current time of this machine's wall clock, in the type of a store's clock.
StoreTime wall_clock_now();

/// The same as `2026-01-31T02:00:00.123Z`. For display only: no decision depends on it.
std::string iso_now();

}  // namespace dlock
