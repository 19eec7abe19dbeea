#include "cli/environment.h"

#include <cstdlib>

namespace dlock::cli {
namespace {

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::optional<std::string>{value} : std::nullopt;
}

}  // namespace

Environment Environment::of_this_process() {
  return {.store = variable("DLOCK_STORE"),
          .config = variable("DLOCK_CONFIG"),
          .password = variable("REDISCLI_AUTH"),
          .sentinel_password = variable("DLOCK_SENTINEL_PASSWORD"),
          .socket = variable("DLOCK_SOCKET"),
          .key = variable("DLOCK_KEY"),
          .owner = variable("DLOCK_OWNER"),
          .notify_socket = variable("NOTIFY_SOCKET"),
          .watchdog_usec = variable("WATCHDOG_USEC"),
          .watchdog_pid = variable("WATCHDOG_PID"),
          .exec_pid = variable("SYSTEMD_EXEC_PID")};
}

}  // namespace dlock::cli
