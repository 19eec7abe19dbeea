#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace dlock {

using Duration = std::chrono::nanoseconds;

/// CLOCK_BOOTTIME: the clock of every lease and deadline.
///
/// It runs while the machine is suspended, and it cannot be set (os/clock.h reads it).
/// std::chrono::steady_clock stands still during a suspend, so a job would outlive its lease by the
/// length of the suspend.
struct BootTime {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Duration;
  static constexpr bool is_steady = true;
};

using Instant = std::chrono::time_point<BootTime, Duration>;

/// Later than any other moment: the end of a lease that does not expire.
inline constexpr Instant never = Instant::max();

constexpr std::int64_t whole_ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

/// Limits a duration from an external source (a server or a file) to a century. Such a value can be
/// any number, and nanoseconds overflow after 292 years.
template <class Unit>
constexpr Duration bounded(Unit told) {
  constexpr Unit century = std::chrono::hours{24 * 36525};
  return std::clamp(told, -century, century);
}

/// A moment at which something is due, once. A new moment replaces the old one.
class Alarm {
 public:
  void set(Instant at) { at_ = at; }
  /// `never` if it is not set, or has rung.
  Instant at() const { return at_; }

  /// Returns true once, from that moment on.
  bool rings(Instant now) {
    if (now < at_) return false;
    at_ = never;
    return true;
  }

 private:
  Instant at_ = never;
};

}  // namespace dlock
