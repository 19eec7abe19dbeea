#include "cli/options.h"

#include "core/ending.h"

#include <algorithm>
#include <array>

namespace dlock::cli {
namespace {

constexpr auto key_options = std::to_array<Option>({
    {"--key", &Words::key, "K",
     "What the job must not share with another: any name up to 512 bytes"},
});

/// What every sub-command needs to reach the store.
constexpr auto store_options = std::to_array<Option>({
    {"--store", &Words::store, "URL",
     "Where the lock is kept: redis://[user:password@]host[:port][/db], unix:///path, "
     "redis+sentinel://host,host/master[/db], redis+cluster://host,host, each but "
     "unix as rediss... for TLS, or local[:/dir]; if it is not given, DLOCK_STORE or "
     "the configuration file says it, else it is local"},
    {"--config", &Words::config, "FILE",
     "Options that are not given here, as name = value lines (DLOCK_CONFIG, else "
     "/etc/dlock.toml if there is one)"},
    {"--prefix", &Words::prefix, "P", "What the names of all keys in Redis begin with (dlock:)"},
    {"--password-file", &Words::password_file, "FILE",
     "Where the password of Redis is (else REDISCLI_AUTH, or the URL)"},
    {"--password-command", &Words::password_command, "CMD",
     "A command for the shell that prints the password; run for each new connection"},
    {"--sentinel-user", &Words::sentinel_user, "USER",
     "The user for the Sentinels, if they have one"},
    {"--sentinel-password-file", &Words::sentinel_password_file, "FILE",
     "Where the password of the Sentinels is (else DLOCK_SENTINEL_PASSWORD)"},
    {"--tls-cacert", &Words::tls_ca, "FILE",
     "The CA that must have signed the server's certificate (the system's CAs)"},
    {"--tls-cert", &Words::tls_certificate, "FILE", "Our certificate, with --tls-key"},
    {"--tls-key", &Words::tls_key, "FILE", "The key of our certificate"},
    {"--tls-sni", &Words::tls_server_name, "NAME",
     "The name that the server's certificate must have (the host of the URL)"},
    {"--tls-insecure", &Words::tls_insecure, "",
     "Take any certificate: whoever is in between can read and change everything"},
});

/// What the lease of a run depends on.
constexpr auto lease_options = std::to_array<Option>({
    {"--ttl", &Words::ttl, "DUR",
     "How long a crashed machine blocks the key; the job survives an outage of the "
     "store of about two thirds of it (10s)"},
    {"--lock-ttl", &Words::lock_ttl, "DUR",
     "How long the lock itself outlives its last renewal (5m, or --ttl if longer)"},
    {"--min-replicas", &Words::least_replicas, "N",
     "An acquire or a renewal counts only when N replicas have it (0)"},
    {"--replica-timeout", &Words::replica_timeout, "DUR",
     "How long they may take (a twentieth of --ttl)"},
});

constexpr auto run_options = std::to_array<Option>({
    {"-n,--nonblock", &Words::nonblock, "", "Do not wait for a lock that is held (the default)"},
    {"-w,--wait", &Words::wait, "[DUR]",
     "Wait for a lock that is held, in the order of arrival: so long at most, or for ever "
     "if no duration is given; 0 is -n",
     true},
    {"-E,--conflict-exit-code", &Words::conflict_code, "N",
     "Exit with this code instead of 75 when the lock is held"},
    {"--exclusive", &Words::exclusive, "", "Hold the lock alone (the default)"},
    {"--shared", &Words::shared, "",
     "Hold the lock beside others that say --shared: many readers or one writer"},
    {"--limit", &Words::limit, "N",
     "Hold the lock beside others, N at most; of runs that say different numbers the "
     "smallest counts (1)"},
    {"--min-hold", &Words::min_hold, "DUR",
     "Keep the lock at least that long from the start of the job, even if the job and "
     "dlock end sooner"},
    {"--once-per", &Words::once_per, "DUR|hourly|daily",
     "Start nothing if a run with this option has succeeded in this slot of the store's "
     "clock (slots are counted in UTC): exit with 0, or --done-exit-code"},
    {"--even-if-failed", &Words::even_if_failed, "",
     "With --once-per: a run that failed uses up its slot, too"},
    {"--done-exit-code", &Words::done_code, "N",
     "With --once-per: exit with this code instead of 0 when the run has been"},
    {"--on-silence", &Words::on_silence, "kill|continue",
     "When the store is silent up to the deadline: kill the job, or let it go on "
     "unproved, so that two may run (kill)"},
    {"-s,--signal", &Words::signal, "SIG",
     "What asks the job, or what it left behind, to stop (TERM)"},
    {"-k,--kill-after", &Words::kill_after, "DUR",
     "How long after that SIGKILL follows (2s for what the job left behind; 10s for a job that "
     "--max-run or --heartbeat-timeout ends; never for one that dlock's caller asks to stop, "
     "unless this is given)"},
    {"--pass-signals", &Words::pass_signals, "command|job",
     "Who gets the signals that dlock passes on: the job's first process, or all of them "
     "(command)"},
    {"--max-run", &Words::max_run, "DUR",
     "End the job when it has run for so long, and exit with 124"},
    {"--heartbeat-timeout", &Words::heartbeat_timeout, "DUR",
     "End the job when it has not reported progress for so long, by dlock heartbeat or by "
     "WATCHDOG=1 of sd_notify, and exit with 82"},
    {"--warn-signal", &Words::warn_signal, "SIG[:DUR]",
     "Tell the job by that signal that renewals of the lock have been failing for DUR (at "
     "once), before it is killed for that; never comes with a local store"},
    {"--orphans", &Words::orphans, "kill|wait|leave",
     "Processes that outlive the job's first one: kill them, wait for them, or leave them "
     "running without the lock (kill)"},
    {"--contain", &Words::contain, "HOW",
     "What holds the job's processes together: walk (over the process tree), cgroup, "
     "pidns (a pid namespace), or auto: a cgroup where one can be made, and the walk "
     "(auto)"},
    {"--trace", &Words::trace, "ID", "An id, shown to whoever asks who holds the lock"},
    {"--note", &Words::note, "TEXT", "A text, shown to whoever asks who holds the lock"},
    {"--trust-restart", &Words::trust_restart, "",
     "Take the lock even from a Redis that came up less than a TTL ago and may have "
     "forgotten a holder"},
    {"--status-file", &Words::status_file, "FILE", "Write the result there, as JSON"},
    {"--metrics-file", &Words::metrics_file, "FILE",
     "Count the run there, for the textfile collector of Prometheus' node exporter"},
    {"--on-skip", &Words::on_skip, "CMD",
     "A command for the shell when somebody else holds the lock, or has done the work; "
     "it has the result on stdin, as JSON, and in its environment"},
    {"--on-lost", &Words::on_lost, "CMD",
     "Likewise when the lock was lost, or could not be confirmed, and the job was killed"},
    {"--on-failure", &Words::on_failure, "CMD",
     "Likewise for any other run that did not succeed; without --on-lost for a lost lock, "
     "too"},
    {"--hook-timeout", &Words::hook_timeout, "DUR",
     "How long such a command may take before it is killed (30s)"},
    {"--ready", &Words::ready, "start|job",
     "When systemd is told that a unit of Type=notify is ready: when the job runs, or "
     "when the job says so by sd_notify (start)"},
    {"--log-format", &Words::log_format, "text|json",
     "How dlock's own lines on stderr look (text)"},
    {"-v,--verbose", &Words::verbose, "", "Say more on stderr"},
    {"-q,--quiet", &Words::quiet, "", "Say only errors on stderr"},
});

constexpr auto timeout_options = std::to_array<Option>({
    {"--timeout", &Words::timeout, "DUR", "How long the store may take to answer (5s)"},
});

/// What is common to those that show locks.
constexpr auto view_options = std::to_array<Option>({
    {"--json", &Words::json, "", "Write JSON, one object on one line"},
    {"--watch", &Words::watch, "[DUR]", "Show it again and again, that often (2s)", true},
});

constexpr auto status_options = std::to_array<Option>({
    {"--owner", &Words::owner, "HASH",
     "Say instead what became of the run that has this owner hash: RUNNING (75), "
     "NO_RUNNING_PROCESS (1), NO_KEY (0), SOMEONE_ELSE_HOLDS_LOCK (80) or "
     "MALFORMED_OWNER_HASH (64)"},
});

constexpr auto list_options = std::to_array<Option>({
    {"--keys", &Words::keys_only, "", "Show only the keys, one on each line"},
});

constexpr auto unlock_options = std::to_array<Option>({
    {"--force", &Words::force, "",
     "Take the lock also from a holder that lives: its job is killed at once, and nobody "
     "gets the lock before it is gone"},
    {"--yes", &Words::yes, "", "Do not ask before that on a terminal"},
});

constexpr auto doctor_options = std::to_array<Option>({
    {"--trust-restart", &Words::trust_restart, "",
     "Judge for runs that take locks even from a Redis that came up less than a TTL ago"},
    {"--json", &Words::json, "", "Write the findings as JSON"},
});

constexpr const char* duration_help =
    "\nA duration is a number with a unit (500ms, 30s, 5m, 1h30m, 1d); a bare number is seconds.\n";

std::string run_footer() {
  return std::string{duration_help} +
         "The job sees DLOCK_KEY, DLOCK_OWNER and DLOCK_FENCING_TOKEN in its environment, and\n"
         "DLOCK_SOCKET with --heartbeat-timeout or --on-silence=continue.\n\n" +
         exit_code_table();
}

/// CLI11 would take a key in brackets for a list, so keys are what it leaves over, and shown in the
/// help only.
std::string about_words(const std::string& word, const std::string& description,
                        const std::string& codes) {
  return "\n" + word + ": " + description + "\n" + duration_help + codes;
}

std::string status_footer() {
  return about_words("KEY", "Whose state is asked for; those that begin with a dash go behind a --",
                     "Exits with 0 when all of them are free, with 75 when one is held, else "
                     "with 1 when one has\n"
                     "a dead holder.");
}

std::string list_footer() {
  return about_words(
      "PATTERN",
      "Only keys that match: * is any text, ? a character, [a-z] one of these (quote it)",
      "Shows who holds which lock: also dead holders, and what --min-hold keeps; not what is "
      "free.");
}

std::string unlock_footer() {
  return about_words("KEY", "Which lock; if it begins with a dash, behind a --",
                     "Exits with 0 when the lock is free, with 75 when somebody holds it who "
                     "lives, with 81\n"
                     "when its holder does not confirm that its job is gone.");
}

std::string doctor_footer() {
  return std::string{duration_help} +
         "Give the options of the runs that it is about. It takes a lock of its own and gives it "
         "back.\n"
         "Exits with 0, or 1 when something breaks the promise.";
}

std::string heartbeat_footer() {
  return "\nFor a process of a job of dlock run --heartbeat-timeout or --on-silence=continue, "
         "which "
         "is\n"
         "found by DLOCK_SOCKET. Exits with 0 while the lock is held; with 80 when it is lost, or "
         "the\n"
         "job is being killed, or dlock is gone; with 81 when it cannot be confirmed: the store "
         "is\n"
         "silent, or dlock did not answer within 2 seconds.";
}

std::string completion_footer() {
  return "\nPrints what makes that shell complete dlock's options and keys, for instance\n"
         "  source <(dlock completion bash)        in ~/.bashrc\n"
         "  source <(dlock completion zsh)         in ~/.zshrc, after compinit\n"
         "  dlock completion fish | source         in ~/.config/fish/config.fish\n"
         "A package has put it in its place already.";
}

constexpr std::array<CommandOptions, 7> commands{
    {{"run",
      "Run a job while holding a lock",
      SubCommand::Run,
      {key_options, store_options, lease_options, run_options},
      run_footer},
     {"status",
      "Say who holds a lock, and who waits for it",
      SubCommand::Status,
      {store_options, timeout_options, status_options, view_options},
      status_footer,
      true},
     {"list",
      "Show all locks that somebody holds",
      SubCommand::List,
      {store_options, timeout_options, list_options, view_options},
      list_footer,
      true},
     {"unlock",
      "Free a lock that a dead holder left, or take it by force",
      SubCommand::Unlock,
      {store_options, timeout_options, unlock_options},
      unlock_footer,
      true},
     {"doctor",
      "Say whether this machine and this store can keep the promise",
      SubCommand::Doctor,
      {store_options, lease_options, doctor_options},
      doctor_footer},
     {"heartbeat",
      "Inside a job: report progress, and fail if the lock is lost",
      SubCommand::Heartbeat,
      {},
      heartbeat_footer},
     {"completion",
      "Print what makes a shell complete dlock's words",
      SubCommand::Completion,
      {},
      completion_footer,
      true}}};

}  // namespace

const Option* CommandOptions::find(std::string_view option) const {
  for (const std::span<const Option> part : options) {
    for (const Option& known : part) {
      if (known.name() == option) return &known;
    }
  }
  return nullptr;
}

std::span<const CommandOptions> all_commands() { return commands; }

const CommandOptions* find_command(std::string_view name) {
  const auto* const found =
      std::find_if(commands.begin(), commands.end(),
                   [&](const CommandOptions& known) { return known.name == name; });
  return found == commands.end() ? nullptr : &*found;
}

std::string exit_code_table() {
  std::string text = "Exit status:\n";
  for (const ExitCodeMeaning& meaning : exit_codes) {
    std::string name{meaning.name};
    name.resize(std::max<std::size_t>(name.size(), 24), ' ');
    std::string code = std::to_string(static_cast<int>(meaning.code));
    code.insert(0, 5 - code.size(), ' ');
    text += code + "  " + name + " " + std::string{meaning.when} + "\n";
  }
  return text + "  Any other code is the job's own.";
}

}  // namespace dlock::cli
