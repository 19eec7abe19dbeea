#include "supervise/timer.h"

#include <cerrno>
#include <cstdint>
#include <limits>
#include <sys/timerfd.h>
#include <system_error>

namespace dlock::supervise {
namespace {

Fd make(clockid_t clock) {
  Fd fd{::timerfd_create(clock, TFD_CLOEXEC | TFD_NONBLOCK)};
  if (!fd.open()) throw std::system_error(errno, std::generic_category(), "timerfd_create");
  return fd;
}

}  // namespace

Timer::Timer() : fd_(make(CLOCK_BOOTTIME)) {}

void Timer::arm(Instant at) {
  if (at == armed_ && at > BootClock::now()) return;
  armed_ = at;
  itimerspec when{};
  if (at != never) {
    const auto nanoseconds = std::max(at.time_since_epoch().count(), std::int64_t{1});
    when.it_value.tv_sec = nanoseconds / 1'000'000'000;
    when.it_value.tv_nsec = nanoseconds % 1'000'000'000;
  }
  ::timerfd_settime(fd_.number(), TFD_TIMER_ABSTIME, &when, nullptr);
}

ClockChange::ClockChange() : fd_(make(CLOCK_REALTIME)) { rearm(); }

void ClockChange::rearm() {
  std::uint64_t ticks = 0;
  [[maybe_unused]] const auto cancelled = ::read(fd_.number(), &ticks, sizeof ticks);
  itimerspec far_away{};
  far_away.it_value.tv_sec = std::numeric_limits<std::int32_t>::max() * std::int64_t{100};
  ::timerfd_settime(fd_.number(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far_away, nullptr);
}

}  // namespace dlock::supervise
