#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dlock::cli {

/// The variables that dlock reads. A variable that is not set has no value; an empty one has an
/// empty value.
struct Environment {
  std::optional<std::string> store = {};              // DLOCK_STORE
  std::optional<std::string> config = {};             // DLOCK_CONFIG
  std::optional<std::string> password = {};           // REDISCLI_AUTH
  std::optional<std::string> sentinel_password = {};  // DLOCK_SENTINEL_PASSWORD
  std::optional<std::string> socket = {};             // DLOCK_SOCKET, in a job
  std::optional<std::string> key = {};                // DLOCK_KEY, in a job
  std::optional<std::string> owner = {};              // DLOCK_OWNER, in a job
  std::optional<std::string> notify_socket = {};      // NOTIFY_SOCKET
  std::optional<std::string> watchdog_usec = {};      // WATCHDOG_USEC
  std::optional<std::string> watchdog_pid = {};       // WATCHDOG_PID
  std::optional<std::string> exec_pid = {};           // SYSTEMD_EXEC_PID
  /// All variables whose name begins with DLOCK_, also those above.
  std::vector<std::pair<std::string, std::string>> ours = {};
  /// Read if it exists and no other file is named. Empty: no default file.
  std::string default_config = "/etc/dlock.toml";

  static Environment of_this_process();
};

}  // namespace dlock::cli
