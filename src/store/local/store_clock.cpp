#include "store/local/store_clock.h"

#include <time.h>

namespace dlock::local {

std::uint64_t microseconds_now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

StoreTime store_time() { return {static_cast<std::int64_t>(microseconds_now() / 1000)}; }

}  // namespace dlock::local
