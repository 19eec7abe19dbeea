#include "cli/parser.h"

#include "cli/complaint.h"
#include "cli/version.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <string_view>

namespace dlock::cli {
namespace {

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

constexpr std::array usages{"dlock run --key K [options] -- command [args...]",
                            "dlock status [options] KEY... | --owner HASH",
                            "dlock list [options] [PATTERN]",
                            "dlock unlock [options] KEY",
                            "dlock doctor [options]",
                            "dlock heartbeat",
                            "dlock completion bash|zsh|fish"};

/// Help in our words: the usage line shows where the command goes, and an option only its value.
class HelpFormat final : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    if (name.empty()) {
      std::string text;
      for (const char* usage : usages)
        text += (text.empty() ? "Usage: " : "       ") + std::string{usage} + "\n";
      return text + "       dlock --help | --version\n";
    }
    for (const char* usage : usages) {
      if (std::string_view{usage}.starts_with("dlock " + app->get_name()))
        return std::string{"Usage: "} + usage + "\n";
    }
    return {};
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_type_size() == 0 ? "" : " " + option->get_type_name();
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    return wrapped(option->get_description());
  }
};

/// `--password` of `--password=secret`: of an option that is not known the value may be anything.
std::string without_value(const std::string& word) {
  return word.starts_with('-') ? word.substr(0, word.find('=')) : word;
}

constexpr const char* duration_help =
    "\nA duration is a number with a unit (500ms, 30s, 5m, 2h, 1d); a bare number is seconds.\n";

}  // namespace

class Parser::Options {
 public:
  explicit Options(Words& words) : words_(words) {}

  void read_command_line(const std::vector<std::string>& ours) {
    const std::vector<std::string> words = with_help_as_option(ours);
    const Known* const meant = words.empty() ? nullptr : find(words.front());
    if (meant == nullptr) return read_without_command(words);
    chosen_ = meant;
    words_.command = meant->which;
    begin(*meant);
    const std::vector<std::string> rest{words.begin() + 1, words.end()};
    Command& command = *meant->command;
    try {
      parse(*command.app, rest);
    } catch (const CLI::ParseError& error) {
      explain(error.what());
    }
    for (const std::string& word : command.app->remaining()) {
      const bool is_option = word.size() > 1 && word.front() == '-';
      if (is_option || !meant->takes_words) complain_of_word(word, rest);
      words_.keys.push_back(word);
    }
    for (const Setting& setting : command.settings) {
      if (setting.option->count() == 0) continue;
      words_.sources[setting.name] = Source::Flag;
      if (setting.value_is_optional) refuse_empty(setting, rest);
    }
  }

  void read_config(const std::string& path, const std::vector<ConfigSetting>& settings) {
    words_.config_path = path;
    if (run_.app == nullptr) begin(*find("run"));
    for (const ConfigSetting& setting : settings) take(path, setting);
  }

 private:
  struct Setting {
    std::string name;  // long, without dashes
    CLI::Option* option;
    std::string* word;  // or
    bool* flag;
    bool value_is_optional = false;
  };
  struct Command {
    std::unique_ptr<CLI::App> app = nullptr;
    std::vector<Setting> settings = {};

    void value(const char* names, std::string& word, const char* type, const char* description) {
      CLI::Option* option = app->add_option(names, word, description)->type_name(type);
      settings.push_back({option->get_lnames().front(), option, &word, nullptr});
    }
    void optional_value(const char* names, std::string& word, const char* type,
                        const char* description) {
      value(names, word, type, description);
      settings.back().option->expected(0, 1);
      settings.back().value_is_optional = true;
    }
    void flag(const char* names, bool& word, const char* description) {
      CLI::Option* option = app->add_flag(names, word, description);
      settings.push_back({option->get_lnames().front(), option, nullptr, &word});
    }
    const Setting* find(std::string_view name) const {
      const auto found = std::find_if(settings.begin(), settings.end(),
                                      [&](const Setting& s) { return s.name == name; });
      return found == settings.end() ? nullptr : &*found;
    }
  };

  struct Known {
    const char* name;
    const char* description;
    SubCommand which;
    Command* command;
    void (Options::*add_options)();
    bool takes_words = false;  // keys, a pattern, the name of a shell
  };

  const Known* find(std::string_view name) const {
    const auto found = std::find_if(commands_.begin(), commands_.end(),
                                    [&](const Known& known) { return known.name == name; });
    return found == commands_.end() ? nullptr : &*found;
  }
  std::string command_names() const {
    std::string names;
    for (const Known& known : commands_)
      names += (names.empty() ? "" : ", ") + std::string{known.name};
    return names;
  }

  /// CLI11 spends more on an option than the kernel on a fork: only those of the sub-command that
  /// is meant are made. And it is a parser of its own, so that no key is taken for another
  /// sub-command.
  void begin(const Known& known) {
    known.command->app = std::make_unique<CLI::App>(known.description, known.name);
    known.command->app->formatter(format_);
    known.command->app->allow_extras();
    (this->*known.add_options)();
  }

  static void parse(CLI::App& app, const std::vector<std::string>& words) {
    try {
      app.parse(std::vector<std::string>{words.rbegin(), words.rend()});
    } catch (const CLI::CallForHelp&) {
      throw Asked{app.help()};
    } catch (const CLI::CallForVersion& call) {
      throw Asked{std::string{call.what()} + "\n"};
    }
  }

  /// `dlock help run` is what `dlock run --help` is.
  static std::vector<std::string> with_help_as_option(std::vector<std::string> words) {
    if (words.empty() || words.front() != "help") return words;
    words.erase(words.begin());
    words.resize(std::min<std::size_t>(words.size(), 1));
    words.emplace_back("--help");
    return words;
  }

  void read_without_command(const std::vector<std::string>& words) {
    CLI::App app{
        "Runs a job on at most one machine of a cluster, and kills it before another could start "
        "it.",
        ""};
    app.formatter(format_);
    app.allow_extras();
    app.set_help_flag("-h,--help", "Show this");
    app.set_version_flag("--version", std::string{"dlock "} + version, "Show the version");
    app.footer([] {
      return "\nSee 'dlock run --help' for the options of run, likewise for the others, and "
             "dlock(1).\n\n" +
             exit_code_table();
    });
    for (const Known& known : commands_) app.add_subcommand(known.name, known.description);
    std::vector<std::string> options;
    std::copy_if(words.begin(), words.end(), std::back_inserter(options),
                 [this](const std::string& word) { return find(word) == nullptr; });
    parse(app, options);
    if (words.empty()) return;
    const std::string shown = quoted(without_value(words.front()));
    const auto command = std::find_if(words.begin(), words.end(), [this](const std::string& word) {
      return find(word) != nullptr;
    });
    if (command != words.end())
      complain(shown + " stands before the sub-command: write dlock " + *command + " first");
    if (words.front().starts_with('-'))
      complain("there is no sub-command before " + shown + ": dlock has " + command_names() +
               " (see dlock --help)");
    complain(shown + " is no sub-command of dlock: it has " + command_names() +
             " (see dlock --help)");
  }

  /// In our words what CLI11 found wrong: an option with too many values, with none, or a flag with
  /// one.
  [[noreturn]] void explain(const std::string& error) {
    for (const Setting& setting : chosen_->command->settings) {
      const std::string name = "--" + setting.name;
      if (setting.option->results().size() > 1) complain(name + " is given twice: leave one out");
      if (!error.starts_with(name + ":") && error.find(" " + name + " =") == error.npos) continue;
      if (setting.flag != nullptr) complain(name + " takes no value: leave it out");
      complain(name + " has no value: write " + name + " " + setting.option->get_type_name());
    }
    complain(without_url_secrets(error) + " (see dlock " + chosen_->name + " --help)");
  }

  [[noreturn]] void complain_of_word(const std::string& word, const std::vector<std::string>& all) {
    for (const std::string& other : all) {
      if (other.size() > 2 && other[0] == '-' && other[1] != '-' &&
          chosen_->command->find(other.substr(1)) != nullptr)
        complain(quoted(other) + " has one dash: write -" + other);
    }
    const std::string name = std::string{"dlock "} + chosen_->name;
    const std::string shown = quoted(without_value(word));
    if (chosen_->which == SubCommand::Run && !word.starts_with('-')) {
      complain(shown + " is no option of " + name +
               ": the command comes after a --, as in dlock run --key K -- command [args...]");
    }
    complain(shown + " is no option of " + name + " (see " + name + " --help)");
  }

  /// CLI11 takes `--wait ''` for `--wait`; but who writes "$LIMIT" has not meant for ever.
  static void refuse_empty(const Setting& setting, const std::vector<std::string>& words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      const bool is_it = words[i].starts_with('-') &&
                         setting.option->check_name(words[i].substr(0, words[i].find('=')));
      if (is_it && (words[i].ends_with('=') || (i + 1 < words.size() && words[i + 1].empty()))) {
        complain("--" + setting.name + " '' is empty: leave the value out, or write a " +
                 "duration, as in --" + setting.name + " 30s");
      }
    }
  }

  void take(const std::string& path, const ConfigSetting& item) {
    const std::string where = path + " line " + std::to_string(item.line) + ": ";
    // What only `run` knows is no mistake when another sub-command reads the file.
    const bool known =
        run_.find(item.name) != nullptr && item.name != "key" && item.name != "config";
    if (!known) {
      complain_of_setup(where + quoted(item.name) +
                        " is not known: write the long name of an option of dlock run without its "
                        "dashes, as in store = \"redis://host\"");
    }
    const Setting* const setting = (chosen_ == nullptr ? run_ : *chosen_->command).find(item.name);
    if (setting == nullptr) return;
    const bool for_ever = setting->value_is_optional && item.value == "true";
    if (setting->flag != nullptr && !item.is_boolean)
      complain_of_setup(where + item.name + " is true or false, without quotes");
    if (setting->flag == nullptr && item.is_boolean && !for_ever)
      complain_of_setup(where + item.name + " is not " + item.value +
                        ": write what would stand behind the option, in quotes");
    if (setting->value_is_optional && item.value.empty())
      complain_of_setup(where + item.name + " is empty: write a duration, or true for ever");
    if (words_.source(item.name) == Source::Flag) return;
    words_.sources[item.name] = Source::File;
    if (setting->flag != nullptr) *setting->flag = item.value == "true";
    if (setting->word != nullptr) *setting->word = for_ever ? "" : item.value;
  }

  /// What every sub-command needs to reach the store.
  void add_store_options(Command& command) {
    command.value("--store", words_.store, "URL",
                  "Where the lock is kept: redis://[user:password@]host[:port][/db], unix:///path, "
                  "redis+sentinel://host,host/master[/db], redis+cluster://host,host, each but "
                  "unix as rediss... for TLS, or local[:/dir]; if it is not given, DLOCK_STORE or "
                  "the configuration file says it, else it is local");
    command.value("--config", words_.config, "FILE",
                  "Options that are not given here, as name = value lines (DLOCK_CONFIG, else "
                  "/etc/dlock.toml if there is one)");
    command.value("--prefix", words_.prefix, "P",
                  "What the names of all keys in Redis begin with (dlock:)");
    command.value("--password-file", words_.password_file, "FILE",
                  "Where the password of Redis is (else REDISCLI_AUTH, or the URL)");
    command.value("--sentinel-user", words_.sentinel_user, "USER",
                  "The user for the Sentinels, if they have one");
    command.value("--sentinel-password-file", words_.sentinel_password_file, "FILE",
                  "Where the password of the Sentinels is (else DLOCK_SENTINEL_PASSWORD)");
    command.value("--tls-cacert", words_.tls_ca, "FILE",
                  "The CA that must have signed the server's certificate (the system's CAs)");
    command.value("--tls-cert", words_.tls_certificate, "FILE", "Our certificate, with --tls-key");
    command.value("--tls-key", words_.tls_key, "FILE", "The key of our certificate");
    command.value("--tls-sni", words_.tls_server_name, "NAME",
                  "The name that the server's certificate must have (the host of the URL)");
    command.flag("--tls-insecure", words_.tls_insecure,
                 "Take any certificate: whoever is in between can read and change everything");
  }

  /// What the lease of a run depends on.
  void add_lease_options(Command& command) {
    command.value("--ttl", words_.ttl, "DUR",
                  "How long a crashed machine blocks the key; the job survives an outage of the "
                  "store of about two thirds of it (10s)");
    command.value("--lock-ttl", words_.lock_ttl, "DUR",
                  "How long the lock itself outlives its last renewal (5m, or --ttl if longer)");
    command.value("--min-replicas", words_.least_replicas, "N",
                  "An acquire or a renewal counts only when N replicas have it (0)");
    command.value("--replica-timeout", words_.replica_timeout, "DUR",
                  "How long they may take (a twentieth of --ttl)");
  }

  void add_run_options() {
    run_.value("--key", words_.key, "K",
               "What the job must not share with another: any name up to 512 bytes");
    add_store_options(run_);
    add_lease_options(run_);
    run_.flag("-n,--nonblock", words_.nonblock,
              "Do not wait for a lock that is held (the default)");
    run_.optional_value(
        "-w,--wait", words_.wait, "[DUR]",
        "Wait for a lock that is held, in the order of arrival: so long at most, or for ever "
        "if no duration is given; 0 is -n");
    run_.value("-E,--conflict-exit-code", words_.conflict_code, "N",
               "Exit with this code instead of 75 when the lock is held");
    run_.flag("--exclusive", words_.exclusive, "Hold the lock alone (the default)");
    run_.flag("--shared", words_.shared,
              "Hold the lock beside others that say --shared: many readers or one writer");
    run_.value("--limit", words_.limit, "N",
               "Hold the lock beside others, N at most; of runs that say different numbers the "
               "smallest counts (1)");
    run_.value("--min-hold", words_.min_hold, "DUR",
               "Keep the lock at least that long from the start of the job, even if the job and "
               "dlock end sooner");
    run_.value("--once-per", words_.once_per, "DUR|hourly|daily",
               "Start nothing if a run with this option has succeeded in this slot of the store's "
               "clock (slots are counted in UTC): exit with 0, or --done-exit-code");
    run_.flag("--even-if-failed", words_.even_if_failed,
              "With --once-per: a run that failed uses up its slot, too");
    run_.value("--done-exit-code", words_.done_code, "N",
               "With --once-per: exit with this code instead of 0 when the run has been");
    run_.value("--on-silence", words_.on_silence, "kill|continue",
               "When the store is silent up to the deadline: kill the job, or let it go on "
               "unproved, so that two may run (kill)");
    run_.value("-s,--signal", words_.signal, "SIG",
               "What asks the job, or what it left behind, to stop (TERM)");
    run_.value(
        "-k,--kill-after", words_.kill_after, "DUR",
        "How long after that SIGKILL follows (2s for what the job left behind; 10s for a job that "
        "--max-run or --heartbeat-timeout ends; never for one that dlock's caller asks to stop, "
        "unless this is given)");
    run_.value("--max-run", words_.max_run, "DUR",
               "End the job when it has run for so long, and exit with 124");
    run_.value(
        "--heartbeat-timeout", words_.heartbeat_timeout, "DUR",
        "End the job when it has not reported progress for so long, by dlock heartbeat or by "
        "WATCHDOG=1 of sd_notify, and exit with 82");
    run_.value(
        "--warn-signal", words_.warn_signal, "SIG[:DUR]",
        "Tell the job by that signal that renewals of the lock have been failing for DUR (at "
        "once), before it is killed for that; never comes with a local store");
    run_.value(
        "--orphans", words_.orphans, "kill|wait|leave",
        "Processes that outlive the job's first one: kill them, wait for them, or leave them "
        "running without the lock (kill)");
    run_.value("--contain", words_.contain, "HOW",
               "What holds the job's processes together: walk (over the process tree), cgroup, "
               "pidns (a pid namespace), or auto: a cgroup where one can be made, and the walk "
               "(auto)");
    run_.value("--trace", words_.trace, "ID", "An id, shown to whoever asks who holds the lock");
    run_.value("--note", words_.note, "TEXT", "A text, shown to whoever asks who holds the lock");
    run_.flag("--trust-restart", words_.trust_restart,
              "Take the lock even from a Redis that came up less than a TTL ago and may have "
              "forgotten a holder");
    run_.value("--status-file", words_.status_file, "FILE", "Write the result there, as JSON");
    run_.value("--metrics-file", words_.metrics_file, "FILE",
               "Count the run there, for the textfile collector of Prometheus' node exporter");
    run_.value("--on-skip", words_.on_skip, "CMD",
               "A command for the shell when somebody else holds the lock, or has done the work; "
               "it has the result on stdin, as JSON, and in its environment");
    run_.value(
        "--on-lost", words_.on_lost, "CMD",
        "Likewise when the lock was lost, or could not be confirmed, and the job was killed");
    run_.value(
        "--on-failure", words_.on_failure, "CMD",
        "Likewise for any other run that did not succeed; without --on-lost for a lost lock, "
        "too");
    run_.value("--hook-timeout", words_.hook_timeout, "DUR",
               "How long such a command may take before it is killed (30s)");
    run_.value("--ready", words_.ready, "start|job",
               "When systemd is told that a unit of Type=notify is ready: when the job runs, or "
               "when the job says so by sd_notify (start)");
    run_.value("--log-format", words_.log_format, "text|json",
               "How dlock's own lines on stderr look (text)");
    run_.flag("-v,--verbose", words_.verbose, "Say more on stderr");
    run_.flag("-q,--quiet", words_.quiet, "Say only errors on stderr");
    run_.app->set_help_flag("-h,--help", "Show this");
    run_.app->footer([] {
      return std::string{duration_help} +
             "The job sees DLOCK_KEY, DLOCK_OWNER and DLOCK_FENCING_TOKEN in its environment, and\n"
             "DLOCK_SOCKET with --heartbeat-timeout or --on-silence=continue.\n\n" +
             exit_code_table();
    });
  }

  /// What is common to those that look at locks. CLI11 would take a key in brackets for a list, so
  /// the keys are what it leaves over, and shown in the help only.
  void add_operator_options(Command& command, const char* word, const char* description,
                            const char* footer) {
    add_store_options(command);
    command.value("--timeout", words_.timeout, "DUR", "How long the store may take to answer (5s)");
    command.app->set_help_flag("-h,--help", "Show this");
    command.app->footer("\n" + std::string{word} + ": " + description + "\n" + duration_help +
                        footer);
  }
  void add_view_options(Command& command) {
    command.flag("--json", words_.json, "Write JSON, one object on one line");
    command.optional_value("--watch", words_.watch, "[DUR]",
                           "Show it again and again, that often (2s)");
  }

  void add_status_options() {
    add_operator_options(status_, "KEY",
                         "Whose state is asked for; those that begin with a dash go behind a --",
                         "Exits with 0 when all of them are free, with 75 when one is held, else "
                         "with 1 when one has\n"
                         "a dead holder.\n");
    status_.value("--owner", words_.owner, "HASH",
                  "Say instead what became of the run that has this owner hash: RUNNING (75), "
                  "NO_RUNNING_PROCESS (1), NO_KEY (0), SOMEONE_ELSE_HOLDS_LOCK (80) or "
                  "MALFORMED_OWNER_HASH (64)");
    add_view_options(status_);
  }

  void add_list_options() {
    add_operator_options(
        list_, "PATTERN",
        "Only keys that match: * is any text, ? a character, [a-z] one of these (quote it)",
        "Shows who holds which lock: also dead holders, and what --min-hold keeps; not what is "
        "free.\n");
    list_.flag("--keys", words_.keys_only, "Show only the keys, one on each line");
    add_view_options(list_);
  }

  void add_unlock_options() {
    add_operator_options(
        unlock_, "KEY", "Which lock; if it begins with a dash, behind a --",
        "Exits with 0 when the lock is free, with 75 when somebody holds it who lives, with 81\n"
        "when its holder does not confirm that its job is gone.\n");
    unlock_.flag(
        "--force", words_.force,
        "Take the lock also from a holder that lives: its job is killed at once, and nobody "
        "gets the lock before it is gone");
    unlock_.flag("--yes", words_.yes, "Do not ask before that on a terminal");
  }

  void add_doctor_options() {
    add_store_options(doctor_);
    add_lease_options(doctor_);
    doctor_.flag(
        "--trust-restart", words_.trust_restart,
        "Judge for runs that take locks even from a Redis that came up less than a TTL ago");
    doctor_.flag("--json", words_.json, "Write the findings as JSON");
    doctor_.app->set_help_flag("-h,--help", "Show this");
    doctor_.app->footer(std::string{duration_help} +
                        "Give the options of the runs that it is about. It takes a lock of its own "
                        "and gives it back.\n"
                        "Exits with 0, or 1 when something breaks the promise.\n");
  }

  void add_heartbeat_options() {
    heartbeat_.app->set_help_flag("-h,--help", "Show this");
    heartbeat_.app->footer(
        "\nFor a process of a job of dlock run --heartbeat-timeout or --on-silence=continue, which "
        "is\n"
        "found by DLOCK_SOCKET. Exits with 0 while the lock is held; with 80 when it is lost, or "
        "the\n"
        "job is being killed, or dlock is gone; with 81 when it cannot be confirmed: the store is\n"
        "silent, or dlock did not answer within 2 seconds.\n");
  }

  void add_completion_options() {
    completion_.app->set_help_flag("-h,--help", "Show this");
    completion_.app->footer(
        "\nPrints what makes that shell complete dlock's options and keys, for instance\n"
        "  source <(dlock completion bash)        in ~/.bashrc\n"
        "  source <(dlock completion zsh)         in ~/.zshrc, after compinit\n"
        "  dlock completion fish | source         in ~/.config/fish/config.fish\n"
        "A package has put it in its place already.\n");
  }

  Words& words_;
  std::shared_ptr<HelpFormat> format_ = [] {
    auto format = std::make_shared<HelpFormat>();
    format->column_width(32);
    return format;
  }();
  Command run_;
  Command status_;
  Command list_;
  Command unlock_;
  Command doctor_;
  Command heartbeat_;
  Command completion_;
  const std::array<Known, 7> commands_{
      {{"run", "Run a job while holding a lock", SubCommand::Run, &run_, &Options::add_run_options},
       {"status", "Say who holds a lock, and who waits for it", SubCommand::Status, &status_,
        &Options::add_status_options, true},
       {"list", "Show all locks that somebody holds", SubCommand::List, &list_,
        &Options::add_list_options, true},
       {"unlock", "Free a lock that a dead holder left, or take it by force", SubCommand::Unlock,
        &unlock_, &Options::add_unlock_options, true},
       {"doctor", "Say whether this machine and this store can keep the promise",
        SubCommand::Doctor, &doctor_, &Options::add_doctor_options},
       {"heartbeat", "Inside a job: report progress, and fail if the lock is lost",
        SubCommand::Heartbeat, &heartbeat_, &Options::add_heartbeat_options},
       {"completion", "Print what makes a shell complete dlock's words", SubCommand::Completion,
        &completion_, &Options::add_completion_options, true}}};
  const Known* chosen_ = nullptr;
};

Parser::Parser(Words& words) : options_(std::make_unique<Options>(words)) {}
Parser::~Parser() = default;

void Parser::read_command_line(const std::vector<std::string>& ours) {
  options_->read_command_line(ours);
}

void Parser::read_config(const std::string& path, const std::vector<ConfigSetting>& settings) {
  options_->read_config(path, settings);
}

}  // namespace dlock::cli
