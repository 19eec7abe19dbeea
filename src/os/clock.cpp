#include "os/clock.h"

#include "core/iso_time.h"
#include "os/bare_call.h"

#include <chrono>
#include <ctime>

namespace dlock {

Instant BootClock::now() {
  KernelTime time{};
  bare_call(SYS_clock_gettime, CLOCK_BOOTTIME, as_argument(&time));
  return Instant{std::chrono::seconds{time.seconds} + std::chrono::nanoseconds{time.nanoseconds}};
}

StoreTime wall_clock_now() {
  using namespace std::chrono;
  return {floor<milliseconds>(system_clock::now()).time_since_epoch().count()};
}

std::string iso_now() { return iso_of(wall_clock_now()); }

}  // namespace dlock
