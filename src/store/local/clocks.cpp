#include "store/local/clocks.h"

#include "core/time.h"
#include "os/clock.h"

#include <ctime>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace dlock::local {

Instant machine_now() {
  std::ifstream file{"/proc/self/timens_offsets"};
  const std::string offsets{std::istreambuf_iterator<char>{file}, {}};
  return BootClock::now() - boot_clock_offset(offsets);
}

Duration boot_clock_offset(std::string_view timens_offsets) {
  std::istringstream lines{std::string{timens_offsets}};
  std::string clock;
  std::int64_t seconds = 0;
  std::int64_t nanoseconds = 0;
  while (lines >> clock >> seconds >> nanoseconds) {
    if (clock == "boottime")
      return bounded(std::chrono::seconds{seconds}) + std::chrono::nanoseconds{nanoseconds};
  }
  return {};
}

std::uint64_t microseconds_now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

StoreTime store_time() { return {static_cast<std::int64_t>(microseconds_now() / 1000)}; }

}  // namespace dlock::local
