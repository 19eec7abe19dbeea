#include "cli/environment.h"

#include <cstdlib>
#include <string_view>
#include <unistd.h>

namespace dlock::cli {

namespace {

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::optional<std::string>{value} : std::nullopt;
}

/// A value that was read from a file, such as a mounted secret, has a newline at its end.
std::string without_line_end(std::string value) {
  if (value.ends_with('\n')) value.pop_back();
  if (value.ends_with('\r')) value.pop_back();
  return value;
}

std::optional<std::string> setting(const char* name) {
  auto value = variable(name);
  return value ? std::optional{without_line_end(std::move(*value))} : std::nullopt;
}

std::vector<std::pair<std::string, std::string>> variables_of_dlock() {
  std::vector<std::pair<std::string, std::string>> found;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    const std::string_view text{*each};
    const auto equals = text.find('=');
    if (!text.starts_with("DLOCK_") || equals == text.npos) continue;
    found.emplace_back(text.substr(0, equals),
                       without_line_end(std::string{text.substr(equals + 1)}));
  }
  return found;
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
          .exec_pid = variable("SYSTEMD_EXEC_PID"),
          .ours = variables_of_dlock()};
}

}  // namespace dlock::cli
