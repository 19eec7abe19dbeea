#include "os/wait.h"

#include "os/bare_call.h"
#include "os/clock.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace dlock {

bool wait_for_any(std::span<pollfd> watched, Instant until) {
  for (;;) {
    KernelTime timeout{};
    if (until != never)
      timeout = KernelTime::of(std::max(until - BootClock::now(), Duration::zero()));
    const long ready =
        bare_call(SYS_ppoll, as_argument(watched.data()), static_cast<long>(watched.size()),
                  until == never ? 0 : as_argument(&timeout));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (ready == -EINTR) continue;
    // The kernel is out of memory, or the limit of descriptors is below the number watched: neither
    // ends the wait, and both can pass.
    KernelTime pause = KernelTime::of(std::chrono::milliseconds{1});
    bare_call(SYS_nanosleep, as_argument(&pause), 0);
    if (until == never || BootClock::now() >= until) return false;
  }
}

Wait wait(int fd, short events, const CallDeadline& deadline) {
  for (;;) {
    std::array<pollfd, 2> watched{
        {{fd, events, 0},
         {deadline.cancellation != nullptr ? deadline.cancellation->fd() : -1, POLLIN, 0}}};
    if (!wait_for_any(watched, deadline.until)) return Wait::TimedOut;
    if (watched[1].revents != 0 && deadline.cancellation->requested()) return Wait::Cancelled;
    if (watched[0].revents != 0) return Wait::Ready;
  }
}

Fd make_event_fd() {
  Fd fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!fd.open()) throw std::system_error(errno, std::generic_category(), "eventfd");
  return fd;
}

void wake(const Fd& event) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event.number(), &one, sizeof one);
}

}  // namespace dlock
