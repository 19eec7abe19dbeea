#include "cli/args.h"

#include "cli/version.h"
#include "core/duration.h"
#include "core/signals.h"
#include "core/text.h"
#include "supervise/report.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>

namespace dlock::cli {
namespace {

/// What is wrong, thrown inside this file only.
struct Complaint {
  ExitCode code;
  std::string message;
};

[[noreturn]] void complain(const std::string& message) {
  throw Complaint{ExitCode::Usage, message};
}

std::string quoted(const std::string& value) { return "'" + excerpt(value, 100) + "'"; }

/// The options as words: CLI11 sees to it that they are known and have values, and reads none of
/// them, for it takes 010 for eight.
struct Words {
  std::string key;
  std::string store;
  std::string conflict_code;
  std::string ttl = "10s";
  std::string lock_ttl = "5m";
  std::string on_silence = "kill";
  std::string signal = "TERM";
  std::string kill_after;
  std::string orphans = "kill";
  std::string contain = "auto";
  std::string trace;
  std::string note;
  std::string prefix = "dlock:";
  std::string status_file;
  std::string log_format = "text";
  bool nonblock = false;
  bool trust_restart = false;
  bool verbose = false;
  bool quiet = false;
};

std::string exit_code_table() {
  std::string text = "Exit status:\n";
  for (const ExitCodeMeaning& meaning : exit_codes) {
    std::string name{meaning.name};
    name.resize(std::max<std::size_t>(name.size(), 24), ' ');
    std::string code = std::to_string(static_cast<int>(meaning.code));
    code.insert(0, 5 - code.size(), ' ');
    text += code + "  " + name + " " + std::string{meaning.when} + "\n";
  }
  return text + "  Any other code is the job's own.\n";
}

/// Breaks a description into lines that fit beside the options' names. CLI11 indents them.
std::string wrapped(std::string_view text) {
  constexpr std::size_t width = 68;
  std::string out;
  while (text.size() > width) {
    const auto blank = text.rfind(' ', width);
    if (blank == text.npos) break;
    out += std::string{text.substr(0, blank)} + "\n";
    text.remove_prefix(blank + 1);
  }
  return out + std::string{text};
}

/// Help in our words: the usage line shows where the command goes, and an option only its value.
class HelpFormat final : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    if (name.empty())
      return "Usage: dlock run --key K [options] -- command [args...]\n       dlock --help | "
             "--version\n";
    return "Usage: dlock " + app->get_name() + " --key K [options] -- command [args...]\n";
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_type_size() == 0 ? "" : " " + option->get_type_name();
  }
};

/// Sets up the parser; `words` must outlive it.
class Parser {
 public:
  explicit Parser(Words& words) {
    auto format = std::make_shared<HelpFormat>();
    format->column_width(32);
    app_.formatter(format);
    app_.name("");
    app_.set_help_flag("-h,--help", "Show this");
    app_.set_version_flag("--version", std::string{"dlock "} + version, "Show the version");
    app_.footer("\nSee 'dlock run --help' for its options, and dlock(1).\n\n" + exit_code_table());
    add_run(words);
  }

  CLI::App& app() { return app_; }
  CLI::App& run() { return *run_; }

 private:
  void add_run(Words& words) {
    run_ = app_.add_subcommand("run", "Run a job while holding a lock");
    const auto value = [this](const char* names, std::string& word, const char* type,
                              const char* description) {
      run_->add_option(names, word, wrapped(description))->type_name(type);
    };
    const auto flag = [this](const char* names, bool& word, const char* description) {
      run_->add_flag(names, word, wrapped(description));
    };
    value("--key", words.key, "K",
          "What the job must not share with another: any name up to 512 bytes");
    value("--store", words.store, "URL",
          "Where the lock is kept: redis://[user:password@]host[:port][/db], unix:///path or "
          "local[:/dir]; "
          "if it is not given, the variable DLOCK_STORE says it, else it is local");
    flag("-n,--nonblock", words.nonblock, "Do not wait for a lock that is held (the default)");
    value("-E,--conflict-exit-code", words.conflict_code, "N",
          "Exit with this code instead of 75 when the lock is held");
    value("--ttl", words.ttl, "DUR",
          "How long a crashed machine blocks the key; the job survives an outage of the store of "
          "about two thirds of it (10s)");
    value("--lock-ttl", words.lock_ttl, "DUR",
          "How long the lock itself outlives its last renewal (5m)");
    value("--on-silence", words.on_silence, "kill|continue",
          "When the store is silent up to the deadline: kill the job, or let it go on unproved, so "
          "that two may run (kill)");
    value("-s,--signal", words.signal, "SIG",
          "What asks the job, or what it left behind, to stop (TERM)");
    value("-k,--kill-after", words.kill_after, "DUR",
          "How long after that SIGKILL follows (2s for what the job left behind; never for the job "
          "unless this is given)");
    value("--orphans", words.orphans, "kill|wait|leave",
          "Processes that outlive the job's first one: kill them, wait for them, or leave them "
          "running without the lock (kill)");
    value("--contain", words.contain, "HOW",
          "What holds the job's processes together: walk (over the process tree), cgroup, pidns (a "
          "pid namespace), or auto: "
          "a cgroup where one can be made, and the walk (auto)");
    value("--trace", words.trace, "ID", "An id, shown to whoever asks who holds the lock");
    value("--note", words.note, "TEXT", "A text, shown to whoever asks who holds the lock");
    value("--prefix", words.prefix, "P", "What the names of all keys in Redis begin with (dlock:)");
    flag("--trust-restart", words.trust_restart,
         "Take the lock even from a Redis that came up less than a TTL ago and may have forgotten "
         "a holder");
    value("--status-file", words.status_file, "FILE", "Write the result there, as JSON");
    value("--log-format", words.log_format, "text|json",
          "How dlock's own lines on stderr look (text)");
    flag("-v,--verbose", words.verbose, "Say more on stderr");
    flag("-q,--quiet", words.quiet, "Say only errors on stderr");
    run_->set_help_flag("-h,--help", "Show this");
    run_->footer(
        "\nA duration is a number with a unit (500ms, 30s, 5m, 2h, 1d); a bare number is seconds.\n"
        "The job sees DLOCK_KEY, DLOCK_OWNER and DLOCK_FENCING_TOKEN in its environment.\n\n" +
        exit_code_table());
  }

  CLI::App app_{
      "Runs a job on at most one machine of a cluster, and kills it before another could start "
      "it."};
  CLI::App* run_ = nullptr;
};

// --- words into values: each complaint names the option, the value and the remedy ---

template <class Choice>
Choice choose(const char* option, const std::string& word,
              std::initializer_list<std::pair<const char*, Choice>> choices) {
  std::string known;
  for (const auto& [name, choice] : choices) {
    if (word == name) return choice;
    known += (known.empty() ? "" : ", ") + std::string{name};
  }
  complain(std::string{option} + " " + quoted(word) + " is not known: it is one of " + known);
}

Duration duration_of(const char* option, const std::string& word) {
  auto duration = parse_duration(word);
  if (!duration) complain(std::string{option} + " " + quoted(word) + " " + duration.error());
  return *duration;
}

LeaseTerms terms_of(const Words& words) {
  const Duration ttl = duration_of("--ttl", words.ttl);
  const Duration lock_ttl = duration_of("--lock-ttl", words.lock_ttl);
  if (ttl < LeaseTerms::least_ttl()) {
    complain("--ttl " + quoted(words.ttl) + " is too short to keep the promise: the least is " +
             to_text(LeaseTerms::least_ttl()));
  }
  if (lock_ttl < ttl) {
    complain("--lock-ttl " + quoted(words.lock_ttl) + " is shorter than --ttl: the least is " +
             to_text(ttl));
  }
  return LeaseTerms{ttl, lock_ttl};
}

int code_of(const std::string& word) {
  if (word.empty()) return static_cast<int>(ExitCode::SomeoneElseHoldsLock);
  int code = -1;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), code);
  if (error != std::errc{} || end != word.data() + word.size() || code < 0 || code > 255) {
    complain("-E/--conflict-exit-code " + quoted(word) +
             " is not an exit code: it is a number from 0 to 255");
  }
  return code;
}

StopPolicy stop_policy_of(const Words& words) {
  StopPolicy policy;
  const auto signal = parse_signal(words.signal);
  if (!signal)
    complain("-s/--signal " + quoted(words.signal) +
             " is no signal: write a name such as TERM, or a number (kill -l lists them)");
  policy.signal = *signal;
  if (!words.kill_after.empty()) {
    policy.kill_after = duration_of("-k/--kill-after", words.kill_after);
    policy.leftovers_grace = *policy.kill_after;
  }
  return policy;
}

struct ChosenStore {
  StoreAddress address;
  bool is_default;
};

ChosenStore store_of(const CLI::App& run, const Words& words,
                     const std::optional<std::string>& variable) {
  if (run.count("--store") > 0) {
    auto address = parse_store_address(words.store);
    if (!address) complain("--store " + address.error());
    return {*address, false};
  }
  if (!variable) return {LocalAddress{}, true};
  // Set but empty is a deployment gone wrong: it must never turn into a lock of this machine only.
  auto address = parse_store_address(*variable);
  if (!address) {
    const std::string remedy = variable->empty() ? "; unset it to use the embedded store" : "";
    throw Complaint{ExitCode::Configuration, "DLOCK_STORE " + address.error() + remedy};
  }
  return {*address, false};
}

RunCommand run_command(const CLI::App& run, const Words& words, const CommandLine& line,
                       const std::optional<std::string>& store_variable) {
  if (!line.has_dashes)
    complain("there is no -- before the command: write dlock run --key K -- command [args...]");
  if (line.job.empty())
    complain("there is no command after the --: write dlock run --key K -- command [args...]");
  if (run.count("--key") == 0)
    complain("--key is missing: name what the job must not share, as in --key backup");
  auto key = LockKey::parse(words.key);
  if (!key) complain("--key " + quoted(words.key) + " " + key.error());

  if (words.verbose && words.quiet) complain("-v and -q cannot be had together: leave one out");
  for (const auto& [option, text] : {std::pair{"--trace", &words.trace}, {"--note", &words.note}}) {
    if (printable(*text) != *text) {
      complain(std::string{option} + " " + quoted(*text) +
               " holds control characters, or is not UTF-8: leave them out");
    }
  }
  ChosenStore store = store_of(run, words, store_variable);
  const auto orphans = choose<Orphans>(
      "--orphans", words.orphans,
      {{"kill", Orphans::Kill}, {"wait", Orphans::Wait}, {"leave", Orphans::Leave}});
  const auto containment = choose<Containment>("--contain", words.contain,
                                               {{"auto", Containment::Auto},
                                                {"walk", Containment::Walk},
                                                {"cgroup", Containment::Cgroup},
                                                {"pidns", Containment::PidNamespace}});
  if (orphans == Orphans::Leave && containment == Containment::PidNamespace) {
    complain(
        "--orphans=leave cannot be had with --contain=pidns: the end of a pid namespace kills all "
        "that is in it");
  }
  if (run.count("--status-file") > 0) {
    const std::string why = supervise::why_not_writable(words.status_file);
    if (!why.empty()) {
      throw Complaint{ExitCode::Configuration,
                      "--status-file " + quoted(words.status_file) + " " + why +
                          ": name a file in a directory that can be written"};
    }
  }
  const auto on_silence =
      choose<OnSilence>("--on-silence", words.on_silence,
                        {{"kill", OnSilence::Kill}, {"continue", OnSilence::Continue}});
  RunCommand command{.options = {.key = *key,
                                 .store = {store.address, words.prefix, words.trust_restart,
                                           on_silence == OnSilence::Continue},
                                 .terms = terms_of(words),
                                 .on_silence = on_silence,
                                 .orphans = orphans,
                                 .containment = containment,
                                 .stop = stop_policy_of(words),
                                 .conflict_code = code_of(words.conflict_code),
                                 .trace = words.trace,
                                 .note = words.note,
                                 .status_file = words.status_file,
                                 .command = line.job},
                     .log = {},
                     .store_is_default = store.is_default};
  command.log.format = choose<LogFormat>("--log-format", words.log_format,
                                         {{"text", LogFormat::Text}, {"json", LogFormat::Json}});
  command.log.most_detailed = words.quiet     ? LogLevel::Error
                              : words.verbose ? LogLevel::Debug
                                              : LogLevel::Notice;
  return command;
}

}  // namespace

Parsed parse(const CommandLine& line, const std::optional<std::string>& store_variable) {
  Words words;
  Parser parser{words};
  try {
    std::vector<std::string> reversed{line.ours.rbegin(), line.ours.rend()};
    parser.app().parse(std::move(reversed));
    if (!parser.run().parsed())
      complain(
          "there is no sub-command: write dlock run --key K -- command [args...], or dlock --help");
    return run_command(parser.run(), words, line, store_variable);
  } catch (const CLI::CallForHelp&) {
    return Print{parser.app().help()};
  } catch (const CLI::CallForVersion& call) {
    return Print{std::string{call.what()} + "\n"};
  } catch (const CLI::ParseError& error) {
    return BadUsage{ExitCode::Usage, without_url_secrets(error.what()) + " (see dlock run --help)"};
  } catch (const Complaint& complaint) {
    const bool json = words.log_format == "json";
    return BadUsage{complaint.code, complaint.message, json ? LogFormat::Json : LogFormat::Text};
  }
}

}  // namespace dlock::cli
