#include "cli/environment.h"

#include "cli/values.h"
#include "core/number.h"

#include <cstdlib>
#include <limits>
#include <unistd.h>

namespace dlock::cli {

namespace {

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::optional<std::string>{value} : std::nullopt;
}

/// Of a setting: what is read from a file, such as a mounted secret, has a newline at its end.
std::optional<std::string> setting(const char* name) {
  auto value = variable(name);
  if (value && value->ends_with('\n')) value->pop_back();
  if (value && value->ends_with('\r')) value->pop_back();
  return value;
}

/// A dlock that a script of a service calls inherits the socket too, and must not say that the
/// service is stopping when it has done its part.
bool is_main_process(const Environment& environment) {
  if (environment.exec_pid) return *environment.exec_pid == std::to_string(::getpid());
  // systemd before 248 does not say who is; a container runtime's only process is.
  return ::getppid() == 1 || ::getpid() == 1;
}

std::optional<Duration> watchdog_of(const Environment& environment) {
  if (environment.watchdog_pid.value_or("") != std::to_string(::getpid())) return {};
  const auto interval = parse_number<std::int64_t>(environment.watchdog_usec.value_or(""), 1,
                                                   std::numeric_limits<std::int64_t>::max() / 1000);
  if (!interval) return {};
  return std::chrono::microseconds{*interval};
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

ManagerSetting manager_of(const Words& words, const Environment& environment) {
  const Ready ready =
      choose<Ready>("--ready", words.ready, {{"start", Ready::Start}, {"job", Ready::Job}});
  // A job that speaks for the unit itself feeds its watchdog, too, unless it does so for us.
  const bool job_feeds = ready == Ready::Job && !words.given("heartbeat-timeout");
  return {.address = environment.notify_socket.value_or(""),
          .for_us = is_main_process(environment),
          .watchdog = job_feeds ? std::nullopt : watchdog_of(environment),
          .ready = ready};
}

}  // namespace dlock::cli
