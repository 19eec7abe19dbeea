#include "os/random.h"

#include "core/time.h"
#include "os/clock.h"

#include <sys/random.h>

namespace dlock {

std::uint64_t random_number() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number))
    number = static_cast<std::uint64_t>(BootClock::now().time_since_epoch().count());
  return number;
}

}  // namespace dlock
