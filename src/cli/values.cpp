#include "cli/values.h"

#include "cli/usage_error.h"
#include "core/duration.h"
#include "core/number.h"
#include "core/signals.h"

#include <csignal>
#include <limits>
#include <unistd.h>

namespace dlock::cli {
namespace {

/// Whether dlock is the main process of its unit. A dlock that a script of a service calls inherits
/// the socket too, and must not report at its end that the service is stopping.
bool is_main_process(const Environment& environment) {
  if (environment.exec_pid) return *environment.exec_pid == std::to_string(::getpid());
  // systemd before 248 does not name the main process; in a container it is the only process.
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

Duration duration_of(const char* option, const std::string& word) {
  auto duration = parse_duration(word);
  if (!duration) usage_error(std::string{option} + " " + in_quotes(word) + " " + duration.error());
  return *duration;
}

std::optional<Duration> time_limit_of(const Words& words, const std::string& name,
                                      const std::string& word) {
  if (!words.given(name)) return {};
  const std::string option = "--" + name;
  const Duration limit = duration_of(option.c_str(), word);
  if (limit == Duration::zero()) {
    usage_error(option + " " + in_quotes(word) +
                " leaves no time; write more than 0, or remove the option");
  }
  return limit;
}

std::optional<Warning> warning_of(const Words& words, const LeaseTerms& terms,
                                  OnSilence on_silence) {
  if (!words.given("warn-signal")) return {};
  const std::string option = "--warn-signal " + in_quotes(words.warn_signal) + " ";
  const std::string name = words.warn_signal.substr(0, words.warn_signal.find(':'));
  const auto signal = parse_signal(name);
  if (!signal) {
    usage_error(option +
                "does not begin with a signal; write a name or a number, and optionally a time, as "
                "in USR1:2s");
  }
  if (*signal == SIGKILL || *signal == SIGSTOP)
    usage_error(option + "names a signal that no job can catch; write another one, such as USR1");
  if (name.size() == words.warn_signal.size()) return Warning{*signal, {}};

  const auto after = parse_duration(words.warn_signal.substr(name.size() + 1));
  if (!after)
    usage_error(option + "has an invalid time: the part after the colon " + after.error());
  // With --on-silence=continue there is no kill that could come first.
  const Duration most = terms.longest_failing() - std::chrono::milliseconds{1};
  if (on_silence == OnSilence::Kill && *after > most) {
    usage_error(option + "would come after the job is killed; with this --ttl the maximum is " +
                to_text(most));
  }
  return Warning{*signal, *after};
}

ManagerSetting manager_of(const Words& words, const Environment& environment) {
  const Ready ready =
      choose<Ready>("--ready", words.ready, {{"start", Ready::Start}, {"job", Ready::Job}});
  // A job that reports for the unit itself also feeds its watchdog, unless it reports progress to
  // dlock.
  const bool job_feeds = ready == Ready::Job && !words.given("heartbeat-timeout");
  return {.address = environment.notify_socket.value_or(""),
          .for_us = is_main_process(environment),
          .watchdog = job_feeds ? std::nullopt : watchdog_of(environment),
          .ready = ready};
}

}  // namespace dlock::cli
