#include "cli/args.h"

#include "cli/environment.h"
#include "cli/operate_args.h"
#include "cli/options.h"
#include "cli/parser.h"
#include "cli/store_settings.h"
#include "cli/usage_error.h"
#include "cli/values.h"
#include "core/duration.h"
#include "core/number.h"
#include "core/signals.h"
#include "core/text.h"
#include "os/file.h"
#include "report/metrics.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace dlock::cli {
namespace {

// --- conversion of words to values: each error names the option, the value and the remedy ---

LeaseTerms terms_of(const Words& words) {
  const Duration ttl = duration_of("--ttl", words.ttl);
  // A long --ttl alone must not conflict with the default of --lock-ttl.
  const Duration wanted = duration_of("--lock-ttl", words.lock_ttl);
  const Duration lock_ttl = words.given("lock-ttl") ? wanted : std::max(wanted, ttl);
  if (ttl < LeaseTerms::least_ttl()) {
    usage_error("--ttl " + in_quotes(words.ttl) +
                " is too short to keep the promise; the minimum is " +
                to_text(LeaseTerms::least_ttl()));
  }
  if (lock_ttl < ttl) {
    usage_error("--lock-ttl " + in_quotes(words.lock_ttl) +
                " is shorter than --ttl; the minimum is " + to_text(ttl));
  }
  return LeaseTerms{ttl, lock_ttl};
}

int code_of(const char* option, const std::string& word) {
  const auto code = parse_number(word, 0, 255);
  if (!code) {
    usage_error(std::string{option} + " " + in_quotes(word) +
                " is not an exit code; write a number from 0 to 255");
  }
  return *code;
}

/// Returns which of these exclusive options is given. The command line beats the file, and two from
/// one source are an error. Empty: none was given.
std::string the_one_of(const Words& words,
                       std::initializer_list<std::pair<const char*, bool>> options) {
  std::string chosen;
  std::string rival;
  for (const auto& [name, is_set] : options) {
    if (!is_set) continue;
    if (chosen.empty() || words.source(name) > words.source(chosen)) {
      chosen = name;
      rival.clear();
    } else if (words.source(name) == words.source(chosen)) {
      rival = name;
    }
  }
  if (!rival.empty())
    usage_error("--" + chosen + " and --" + rival + " are mutually exclusive; remove one");
  return chosen;
}

WaitLimit wait_limit_of(const Words& words) {
  const std::string chosen =
      the_one_of(words, {{"nonblock", words.nonblock}, {"wait", words.given("wait")}});
  if (chosen != "wait") return WaitLimit::none();
  if (words.wait.empty()) return WaitLimit::forever();
  return {duration_of("-w/--wait", words.wait)};
}

Limit limit_of(const Words& words) {
  const std::string chosen = the_one_of(
      words,
      {{"shared", words.shared}, {"exclusive", words.exclusive}, {"limit", words.given("limit")}});
  if (chosen == "shared") return Limit::shared();
  if (chosen != "limit") return {};
  constexpr std::uint32_t most = 10'000;
  const auto number = parse_number<std::uint32_t>(words.limit, 1, most);
  if (!number) {
    usage_error("--limit " + in_quotes(words.limit) +
                " is not a number of holders; write a number from 1 to " + std::to_string(most));
  }
  return {*number};
}

/// The run that has this key and whose job started this dlock: it would never end while this run
/// waits for it.
OwnerHash part_of(const LockKey& key, Limit limit, const Environment& environment) {
  const bool same = environment.key == key.bytes() && limit.is_exclusive();
  return {same ? environment.owner.value_or("") : ""};
}

std::optional<OncePer> once_of(const Words& words, Limit limit) {
  if (!words.given("once-per")) {
    for (const char* option : {"even-if-failed", "done-exit-code"}) {
      if (words.source(option) == Source::Flag)
        usage_error(std::string{"--"} + option + " requires --once-per");
    }
    return {};
  }
  if (!limit.is_exclusive()) {
    usage_error(std::string{"--once-per and "} + (limit.is_shared() ? "--shared" : "--limit") +
                " are mutually exclusive: several runs could start in one slot");
  }
  Duration period{};
  if (words.once_per == "hourly") {
    period = std::chrono::hours{1};
  } else if (words.once_per == "daily") {
    period = std::chrono::hours{24};
  } else {
    const auto duration = parse_duration(words.once_per);
    if (!duration) {
      usage_error("--once-per " + in_quotes(words.once_per) + " " + duration.error() +
                  ", or hourly or daily");
    }
    period = *duration;
  }
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(period);
  if (whole < std::chrono::seconds{1})
    usage_error("--once-per " + in_quotes(words.once_per) + " is too short; the minimum is 1s");
  return OncePer{whole, words.even_if_failed};
}

StopPolicy stop_policy_of(const Words& words) {
  StopPolicy policy;
  const auto signal = parse_signal(words.signal);
  if (!signal)
    usage_error("-s/--signal " + in_quotes(words.signal) +
                " is not a signal; write a name such as TERM, or a number (kill -l lists them)");
  policy.signal = *signal;
  if (words.given("kill-after")) {
    policy.kill_after = duration_of("-k/--kill-after", words.kill_after);
    policy.leftovers_grace = *policy.kill_after;
  }
  return policy;
}

std::string unwritable(const std::string& option, const std::string& path, const std::string& why) {
  return option + " " + in_quotes(path) + " " + why + "; name a file in a writable directory";
}

/// Rejects an empty path, which the run would take for none.
void refuse_empty(const Words& words, const std::string& name, const std::string& path) {
  if (words.given(name) && path.empty())
    configuration_error(unwritable("--" + name, path, "names no file"));
}

Outlets outlets_of(const Words& words) {
  refuse_empty(words, "status-file", words.status_file);
  refuse_empty(words, "metrics-file", words.metrics_file);
  Outlets outlets{.status_file = words.status_file,
                  .metrics_file = words.metrics_file,
                  .on_skip = words.on_skip,
                  .on_lost = words.on_lost,
                  .on_failure = words.on_failure};
  if (const auto timeout = time_limit_of(words, "hook-timeout", words.hook_timeout))
    outlets.hook_timeout = *timeout;
  return outlets;
}

RunCommand run_command(const Words& words, const CommandLine& line,
                       const Environment& environment) {
  if (!line.has_dashes)
    usage_error("-- is missing before the command; write dlock run --key K -- command [args...]");
  if (line.job.empty())
    usage_error(
        "the command is missing after the --; write dlock run --key K -- command [args...]");
  if (!words.given("key")) {
    // As other tools have it: `dlock run -k backup`.
    if (words.given("kill-after") && !parse_duration(words.kill_after))
      usage_error("--key is missing; -k is --kill-after, so write --key " +
                  in_quotes(words.kill_after));
    usage_error("--key is missing; name the lock, as in --key backup");
  }
  auto key = LockKey::parse(words.key);
  if (!key) usage_error("--key " + in_quotes(words.key) + " " + key.error());

  for (const auto& [option, text] : {std::pair{"--trace", &words.trace}, {"--note", &words.note}}) {
    if (printable(*text) != *text) {
      usage_error(std::string{option} + " " + in_quotes(*text) +
                  " contains control characters or is not UTF-8; remove them");
    }
    // The text is part of each value of the lock, which every query reads.
    constexpr std::size_t longest = 1024;
    if (text->size() > longest) {
      usage_error(std::string{option} + " " + in_quotes(excerpt(*text, 40)) +
                  " is too long: " + std::to_string(text->size()) + " bytes; the maximum is " +
                  std::to_string(longest));
    }
  }
  const LeaseTerms terms = terms_of(words);
  StoreSettings store = store_settings(words, environment, terms.ttl());
  const auto orphans = choose<Orphans>(
      "--orphans", words.orphans,
      {{"kill", Orphans::Kill}, {"wait", Orphans::Wait}, {"leave", Orphans::Leave}});
  const auto containment = choose<Containment>("--contain", words.contain,
                                               {{"auto", Containment::Auto},
                                                {"walk", Containment::Walk},
                                                {"cgroup", Containment::Cgroup},
                                                {"pidns", Containment::PidNamespace}});
  if (orphans == Orphans::Leave && containment == Containment::Cgroup) {
    usage_error(
        "--orphans=leave and --contain=cgroup are mutually exclusive: the cgroup could never be "
        "removed; use --contain=walk");
  }
  if (orphans == Orphans::Leave && containment == Containment::PidNamespace) {
    usage_error(
        "--orphans=leave and --contain=pidns are mutually exclusive: the end of a pid namespace "
        "kills all its processes");
  }
  const Limit limit = limit_of(words);
  const Duration min_hold =
      words.given("min-hold") ? duration_of("--min-hold", words.min_hold) : Duration::zero();
  const auto on_silence =
      choose<OnSilence>("--on-silence", words.on_silence,
                        {{"kill", OnSilence::Kill}, {"continue", OnSilence::Continue}});
  store.options.revive_lapsed = on_silence == OnSilence::Continue;
  RunCommand command{
      .options = {.key = *key,
                  .store = std::move(store.options),
                  .terms = terms,
                  .on_silence = on_silence,
                  .orphans = orphans,
                  .containment = containment,
                  .stop = stop_policy_of(words),
                  .pass_signals = choose<PassSignals>(
                      "--pass-signals", words.pass_signals,
                      {{"command", PassSignals::Command}, {"job", PassSignals::Job}}),
                  .max_run = time_limit_of(words, "max-run", words.max_run),
                  .heartbeat_timeout =
                      time_limit_of(words, "heartbeat-timeout", words.heartbeat_timeout),
                  .warning = warning_of(words, terms, on_silence),
                  .wait = wait_limit_of(words),
                  .part_of = part_of(*key, limit, environment),
                  .limit = limit,
                  .min_hold = min_hold,
                  .once = once_of(words, limit),
                  .done_code = words.given("done-exit-code")
                                   ? code_of("--done-exit-code", words.done_code)
                                   : static_cast<int>(ExitCode::Success),
                  .conflict_code = words.given("conflict-exit-code")
                                       ? code_of("-E/--conflict-exit-code", words.conflict_code)
                                       : static_cast<int>(ExitCode::SomeoneElseHoldsLock),
                  .trace = words.trace,
                  .note = words.note,
                  .outlets = outlets_of(words),
                  .manager = manager_of(words, environment),
                  .command = line.job},
      .log = {},
      .store_is_default = store.is_default};
  command.dry_run = words.dry_run;
  command.status_file_set_in = words.origin("status-file");
  command.metrics_file_set_in = words.origin("metrics-file");
  command.log.format = choose<LogFormat>("--log-format", words.log_format,
                                         {{"text", LogFormat::Text}, {"json", LogFormat::Json}});
  const std::string loudness =
      the_one_of(words, {{"verbose", words.verbose}, {"quiet", words.quiet}});
  command.log.most_detailed = loudness == "quiet"     ? LogLevel::Error
                              : loudness == "verbose" ? LogLevel::Debug
                                                      : LogLevel::Notice;
  return command;
}

DoctorCommand doctor_command(const Words& words, const CommandLine& line,
                             const Environment& environment) {
  if (line.has_dashes) usage_error("dlock doctor runs no command; remove the -- and what follows");
  const LeaseTerms terms = terms_of(words);
  return {.store = store_settings(words, environment, terms.ttl()).options,
          .terms = terms,
          .json = words.json};
}

Print completion_command(const Words& words, const CommandLine& line) {
  const auto text = words.keys.size() == 1 ? completion_for(words.keys.front()) : std::nullopt;
  if (!text || line.has_dashes)
    usage_error("dlock completion requires one shell; write dlock completion bash, zsh or fish");
  return {std::string{*text}};
}

/// Reads no settings: they belong to the dlock that runs the job, and an error in them is not
/// reported here.
HeartbeatCommand heartbeat_command(const CommandLine& line, const Environment& environment) {
  if (line.has_dashes)
    usage_error("dlock heartbeat runs no command; remove the -- and what follows");
  const std::string socket = environment.socket.value_or("");
  if (socket.empty()) {
    usage_error(
        "DLOCK_SOCKET is not set; run dlock heartbeat inside a job of dlock run "
        "--heartbeat-timeout (or --on-silence=continue)");
  }
  return {socket};
}

/// Reads the named file, or else the default file if it exists.
void read_config(Parser& parser, const Words& words, const Environment& environment) {
  const bool by_flag = words.given("config");
  const bool named = by_flag || environment.config.has_value();
  const std::string path = by_flag ? words.config
                           : named ? *environment.config
                                   : environment.default_config;
  const std::string name = by_flag ? "--config " + in_quotes(path)
                           : named ? "DLOCK_CONFIG " + in_quotes(path)
                                   : path;
  if (path.empty() && !named) return;
  if (path.empty()) configuration_error(name + " names no file");
  const SmallFile file = SmallFile::read(path);
  if (file.error == ENOENT && !named) return;
  // An unreadable file is never ignored: it can name the store of the lock.
  if (file.error != 0) {
    configuration_error(name + " cannot be read: " + ::strerror(file.error) +
                        (named ? "" : "; fix that, or name another file with --config"));
  }
  // The file can name commands to run after a job, and the store. (/dev/null is writable, and
  // empty.)
  if (S_ISREG(file.mode) && (file.mode & S_IWOTH) != 0)
    configuration_error(name + " is writable by all users; chmod o-w it");
  const std::vector<ConfigSetting> settings = parse_config(path, file.text);
  const bool has_password =
      std::any_of(settings.begin(), settings.end(), [](const ConfigSetting& setting) {
        return setting.name == "store" && has_url_password(setting.value);
      });
  if (has_password && (file.mode & S_IRWXO) != 0) {
    configuration_error(name +
                        " contains a password and is accessible to all users; chmod o= it, or put "
                        "the password into its own file (password-file)");
  }
  parser.read_config(path, settings);
}

/// Adds the file or variable to the error of a setting that came from it, because it must be
/// corrected there.
UsageError with_origin(UsageError error, const Words& words) {
  const std::string& message = error.message;
  if (!message.starts_with('-')) return error;
  std::string name = message.substr(0, message.find_first_of(" ="));
  name.erase(0, name.rfind("--") + 2);
  const std::string origin = words.origin(name);
  if (origin.empty()) return error;
  return {ExitCode::Configuration, origin + ": " + message};
}

}  // namespace

Parsed parse(const CommandLine& line, const Environment& environment) {
  Words words;
  try {
    Parser parser{words};
    parser.read_command_line(line.ours);
    if (words.command == SubCommand::None) {
      usage_error(
          "the sub-command is missing; write dlock run --key K -- command [args...], or dlock "
          "--help");
    }
    if (words.command == SubCommand::Heartbeat) return heartbeat_command(line, environment);
    if (words.command == SubCommand::Completion) return completion_command(words, line);
    parser.read_environment(environment);
    read_config(parser, words, environment);
    if (words.command == SubCommand::Doctor) return doctor_command(words, line, environment);
    if (words.command == SubCommand::Status) return status_command(words, line, environment);
    if (words.command == SubCommand::List) return list_command(words, line, environment);
    if (words.command == SubCommand::Unlock) return unlock_command(words, line, environment);
    return run_command(words, line, environment);
  } catch (const Parser::Asked& asked) {
    return Print{asked.text};
  } catch (const UsageError& error) {
    const auto [code, message] = with_origin(error, words);
    const bool json = words.log_format == "json";
    return BadUsage{code, message, json ? LogFormat::Json : LogFormat::Text};
  }
}

std::optional<BadUsage> why_unwritable(const RunCommand& command) {
  const auto refusal = [&](const std::string& message, const std::string& set_in) {
    return BadUsage{ExitCode::Configuration, (set_in.empty() ? "" : set_in + ": ") + message,
                    command.log.format};
  };
  const std::string& status_file = command.options.outlets.status_file;
  const std::string& metrics_file = command.options.outlets.metrics_file;
  if (!status_file.empty()) {
    if (const std::string why = why_not_writable(status_file); !why.empty())
      return refusal(unwritable("--status-file", status_file, why), command.status_file_set_in);
  }
  if (!metrics_file.empty()) {
    if (const std::string why = why_no_metrics(metrics_file); !why.empty())
      return refusal(unwritable("--metrics-file", metrics_file, why), command.metrics_file_set_in);
  }
  return {};
}

}  // namespace dlock::cli
