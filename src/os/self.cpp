#include "os/self.h"

#include "core/text.h"
#include "core/time.h"
#include "os/clock.h"

#include <cstdlib>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace dlock {

std::string host_name() {
  utsname names{};
  return ::uname(&names) == 0 ? names.nodename : "unknown";
}

std::string user_name() {
  constexpr std::size_t longest_user = 100;
  for (const char* variable : {"USER", "LOGNAME"}) {
    if (const char* name = ::getenv(variable)) return excerpt(name, longest_user);
  }
  return ::geteuid() == 0 ? "root" : "id " + std::to_string(::geteuid());
}

std::uint64_t random_number() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number))
    number = static_cast<std::uint64_t>(BootClock::now().time_since_epoch().count());
  return number;
}

}  // namespace dlock
