#include "core/time.h"

#include "os/bare_call.h"

#include <ctime>

namespace dlock {

BootClock::time_point BootClock::now() {
  KernelTime time{};
  bare_call(SYS_clock_gettime, CLOCK_BOOTTIME, as_argument(&time));
  return time_point{std::chrono::seconds{time.seconds} +
                    std::chrono::nanoseconds{time.nanoseconds}};
}

}  // namespace dlock
