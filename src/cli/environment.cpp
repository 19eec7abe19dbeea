#include "cli/environment.h"

#include <cstdlib>

namespace dlock::cli {

namespace {

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::optional<std::string>{value} : std::nullopt;
}

/// Returns a variable without a newline at its end: a value read from a file, such as a mounted
/// secret, has one.
std::optional<std::string> setting(const char* name) {
  auto value = variable(name);
  if (value && value->ends_with('\n')) value->pop_back();
  if (value && value->ends_with('\r')) value->pop_back();
  return value;
}

}  // namespace

Environment Environment::of_this_process() {
  return {.store = setting("DLOCK_STORE"),
          .config = setting("DLOCK_CONFIG"),
          .password = setting("REDISCLI_AUTH"),
          .sentinel_password = setting("DLOCK_SENTINEL_PASSWORD"),
          .socket = variable("DLOCK_SOCKET"),
          .key = variable("DLOCK_KEY"),
          .owner = variable("DLOCK_OWNER"),
          .notify_socket = variable("NOTIFY_SOCKET"),
          .watchdog_usec = variable("WATCHDOG_USEC"),
          .watchdog_pid = variable("WATCHDOG_PID"),
          .exec_pid = variable("SYSTEMD_EXEC_PID")};
}

}  // namespace dlock::cli
