#pragma once

#include <chrono>
#include <cstdint>

namespace dlock {

using Duration = std::chrono::nanoseconds;

/// CLOCK_BOOTTIME: the clock of every lease and deadline.
///
/// It goes on while the machine is suspended, and nobody can set it (os/clock.h reads it).
/// std::chrono::steady_clock stands still in a suspend, so a job would outlive its lease by the
/// length of the nap.
struct BootTime {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Duration;
  static constexpr bool is_steady = true;
};

using Instant = std::chrono::time_point<BootTime, Duration>;

/// Later than any moment: the end of a lease that does not end by itself.
inline constexpr Instant never = Instant::max();

constexpr std::int64_t whole_ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

}  // namespace dlock
