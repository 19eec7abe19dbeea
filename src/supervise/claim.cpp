#include "supervise/claim.h"

#include "core/text.h"
#include "os/random.h"

#include <cstdlib>
#include <sys/utsname.h>
#include <unistd.h>

namespace dlock::supervise {
namespace {

std::string host_name() {
  utsname names{};
  return ::uname(&names) == 0 ? names.nodename : "unknown";
}

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

/// As the environment has it, for people: the password database may be a network away.
std::string user_name() {
  constexpr std::size_t longest_user = 100;
  for (const char* variable : {"USER", "LOGNAME"}) {
    if (const char* name = ::getenv(variable)) return excerpt(name, longest_user);
  }
  return ::geteuid() == 0 ? "root" : "id " + std::to_string(::geteuid());
}

}  // namespace

Claim make_claim(const RunOptions& options, pid_t front) {
  constexpr std::size_t longest_command = 200;
  const std::string host = host_name();
  return Claim{.key = options.key,
               .terms = options.terms,
               .process = at_home_in(options.store, options.key,
                                     make_process_hash(host, front, random_number())),
               .host = printable(host),
               .pid = front,
               .user = user_name(),
               .command = excerpt(without_url_secrets(joined(options.command)), longest_command),
               .trace = printable(options.trace),
               .note = printable(options.note),
               .limit = options.limit,
               .waits = options.wait.waits(),
               .once = options.once};
}

Unlocker make_unlocker(bool by_force) {
  const std::string host = host_name();
  return {.host = printable(host),
          .pid = ::getpid(),
          .user = user_name(),
          .command = by_force ? "dlock unlock --force" : "dlock unlock",
          .process = make_process_hash(host, ::getpid(), random_number()),
          .by_force = by_force};
}

}  // namespace dlock::supervise
