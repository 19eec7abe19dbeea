#include "job/shared_deadline.h"

#include "os/clock.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <sys/mman.h>
#include <system_error>

namespace dlock {

static_assert(std::atomic<std::int64_t>::is_always_lock_free, "two processes share it");

SharedDeadline::SharedDeadline(Leases leases, Over over, Duration ttl)
    : leases_(leases), over_(over), ttl_(ttl) {
  void* page = ::mmap(nullptr, sizeof(std::atomic<std::int64_t>), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  nanoseconds_ = new (page) std::atomic<std::int64_t>{0};
}

void SharedDeadline::move_to(Instant stop_by) {
  const Instant now = BootClock::now();
  const std::int64_t old = nanoseconds_->load();
  const bool first = old == 0;
  const bool passed = !first && Instant{Duration{old}} <= now;
  // The first value is stored even if it has already passed, as after a pause: otherwise there
  // would be no deadline.
  if (!first && ((passed && over_ == Over::ForGood) || stop_by <= now)) return;
  nanoseconds_->store(stop_by.time_since_epoch().count());
}

Instant SharedDeadline::read() const {
  const std::int64_t value = nanoseconds_->load();
  if (leases_ == Leases::Last || value == 0) return never;
  return std::min(Instant{Duration{value}}, BootClock::now() + ttl_);
}

}  // namespace dlock
