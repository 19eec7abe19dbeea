#include "os/timer.h"

#include "os/bare_call.h"
#include "os/clock.h"

#include <cerrno>
#include <cstdint>
#include <limits>
#include <sys/timerfd.h>
#include <system_error>

namespace dlock {
namespace {

Fd make(clockid_t clock) {
  Fd fd{::timerfd_create(clock, TFD_CLOEXEC | TFD_NONBLOCK)};
  if (!fd.open()) throw std::system_error(errno, std::generic_category(), "timerfd_create");
  return fd;
}

struct TimerSetting {
  KernelTime every{};
  KernelTime due{};
};

void set(const Fd& timer, int flags, const TimerSetting& when) {
  bare_call(SYS_timerfd_settime, timer.number(), flags, as_argument(&when));
}

}  // namespace

Timer::Timer() : fd_(make(CLOCK_BOOTTIME)) {}

void Timer::arm(Instant at) {
  if (at == armed_ && at > BootClock::now()) return;
  armed_ = at;
  TimerSetting when{};
  if (at != never) when.due = KernelTime::of(std::max(at.time_since_epoch(), Duration{1}));
  set(fd_, TFD_TIMER_ABSTIME, when);
}

ClockChange::ClockChange() : fd_(make(CLOCK_REALTIME)) { rearm(); }

void ClockChange::rearm() {
  std::uint64_t ticks = 0;
  [[maybe_unused]] const auto cancelled = ::read(fd_.number(), &ticks, sizeof ticks);
  const TimerSetting far_away{.due = {std::numeric_limits<long>::max(), 0}};
  set(fd_, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, far_away);
}

}  // namespace dlock
