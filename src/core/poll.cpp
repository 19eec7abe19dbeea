#include "core/poll.h"

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace dlock {

bool wait_for_any(std::span<pollfd> watched, Instant until) {
  for (;;) {
    timespec timeout{};
    if (until != never) {
      const Duration left = std::max(until - BootClock::now(), Duration::zero());
      timeout.tv_sec = static_cast<time_t>(left.count() / 1'000'000'000);
      timeout.tv_nsec = static_cast<long>(left.count() % 1'000'000'000);
    }
    const int ready =
        ::ppoll(watched.data(), watched.size(), until == never ? nullptr : &timeout, nullptr);
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return false;
  }
}

}  // namespace dlock
