#include "os/self.h"

#include "core/text.h"

#include <cstdlib>
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

}  // namespace dlock
