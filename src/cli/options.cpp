#include "cli/options.h"

#include "core/ending.h"

#include <algorithm>
#include <array>

namespace dlock::cli {
namespace {

// --- `dlock run`, in the groups of its help ---

constexpr auto lock_options = std::to_array<Option>({
    {"--key", &Words::key, "K", "Name of the lock, up to 512 bytes"},
    {"--ttl", &Words::ttl, "DUR",
     "Lease: how long a crashed machine blocks the key. The job survives an outage of the store "
     "of about two thirds of it (10s)"},
    {"--lock-ttl", &Words::lock_ttl, "DUR",
     "Lifetime of the lock itself after its last renewal (5m, or --ttl if longer)"},
    {"--exclusive", &Words::exclusive, "", "Hold the lock alone (the default)"},
    {"--shared", &Words::shared, "",
     "Hold the lock beside other runs with --shared: many readers or one writer"},
    {"--limit", &Words::limit, "N",
     "Hold the lock beside others, at most N holders in all. If the runs give different numbers, "
     "the smallest counts (1)"},
    {"--min-hold", &Words::min_hold, "DUR",
     "Keep the lock at least this long after the start of the job, even if the job ends sooner"},
    {"--once-per", &Words::once_per, "DUR|hourly|daily",
     "Skip the job if a run with this option has succeeded in the current slot of the store's "
     "clock. Slots are counted in UTC. Exit with 0, or with --done-exit-code"},
    {"--even-if-failed", &Words::even_if_failed, "",
     "With --once-per: a failed run uses up its slot, too"},
    {"--done-exit-code", &Words::done_code, "N", "With --once-per: exit code of a skipped job (0)"},
    {"--trace", &Words::trace, "ID", "An id for dlock status and list to show"},
    {"--note", &Words::note, "TEXT", "A text for dlock status and list to show"},
});

constexpr auto waiting_options = std::to_array<Option>({
    {"-n,--nonblock", &Words::nonblock, "", "Fail at once if the lock is held (the default)"},
    {"-w,--wait", &Words::wait, "[DUR]",
     "Wait for the lock in order of arrival, at most DUR. Without DUR: without a limit", true},
    {"-E,--conflict-exit-code", &Words::conflict_code, "N", "Exit code when the lock is held (75)"},
});

constexpr auto job_options = std::to_array<Option>({
    {"--max-run", &Words::max_run, "DUR", "End a job that runs longer, and exit with 124"},
    {"--heartbeat-timeout", &Words::heartbeat_timeout, "DUR",
     "End a job that reports no progress for this long, and exit with 82. The job reports by "
     "dlock heartbeat, or by WATCHDOG=1 of sd_notify"},
    {"-s,--signal", &Words::signal, "SIG",
     "Signal that asks the job, or what it left behind, to stop (TERM)"},
    {"-k,--kill-after", &Words::kill_after, "DUR",
     "Time from that signal to SIGKILL (2s for what the job left behind, 10s for --max-run and "
     "--heartbeat-timeout, no limit after a signal to dlock)"},
    {"--pass-signals", &Words::pass_signals, "command|job",
     "Who receives the signals that dlock passes on: the command, or all processes of the job "
     "(command)"},
    {"--on-silence", &Words::on_silence, "kill|continue",
     "When the store does not answer up to the deadline: kill the job, or let it continue without "
     "a confirmed lock, so that two jobs may run (kill)"},
    {"--warn-signal", &Words::warn_signal, "SIG[:DUR]",
     "Send SIG to the job when renewals have failed for DUR, before the job is killed (at the "
     "first failure). Never sent with a local store"},
    {"--orphans", &Words::orphans, "kill|wait|leave",
     "Descendants that outlive the command: kill them, wait for them, or leave them running "
     "without the lock (kill)"},
    {"--contain", &Words::contain, "HOW",
     "How the job's processes are found: walk (the process tree), cgroup, pidns (a pid "
     "namespace), or auto (a cgroup where possible, else walk) (auto)"},
    {"--ready", &Words::ready, "start|job",
     "When a unit of Type=notify is ready: at the start of the job, or when the job says so by "
     "sd_notify (start)"},
});

/// The options with which every sub-command reaches the store.
constexpr auto store_options = std::to_array<Option>({
    {"--store", &Words::store, "URL",
     "Where locks are kept: redis://[user:password@]host[:port][/db], unix:///path, "
     "redis+sentinel://host,host/master[/db], redis+cluster://host,host, rediss... for TLS, or "
     "local[:/dir] (DLOCK_STORE, else the configuration file, else local)"},
    {"--config", &Words::config, "FILE",
     "Configuration file for options that are not given here (DLOCK_CONFIG, else "
     "/etc/dlock.toml)"},
    {"--prefix", &Words::prefix, "P", "Prefix of all keys in Redis (dlock:)"},
    {"--password-file", &Words::password_file, "FILE",
     "File with the password of Redis (REDISCLI_AUTH, else the URL)"},
    {"--password-command", &Words::password_command, "CMD",
     "Shell command that prints the password. Runs for each new connection"},
    {"--sentinel-user", &Words::sentinel_user, "USER", "User for the Sentinels"},
    {"--sentinel-password-file", &Words::sentinel_password_file, "FILE",
     "File with the password of the Sentinels (DLOCK_SENTINEL_PASSWORD)"},
});

/// Further store options of a run.
constexpr auto replica_options = std::to_array<Option>({
    {"--min-replicas", &Words::least_replicas, "N",
     "Number of replicas that must confirm each acquire and renewal (0)"},
    {"--replica-timeout", &Words::replica_timeout, "DUR",
     "Time for the replicas to confirm (a twentieth of --ttl)"},
    {"--trust-restart", &Words::trust_restart, "",
     "Trust a Redis that started less than a TTL ago. It may have forgotten a holder whose job "
     "still runs"},
    {"--trust-file-system", &Words::trust_file_system, "",
     "Keep local locks even on a network file system, where they may exclude nobody"},
});

constexpr auto tls_options = std::to_array<Option>({
    {"--tls-cacert", &Words::tls_ca, "FILE", "CA of the server's certificate (the system's CAs)"},
    {"--tls-cert", &Words::tls_certificate, "FILE", "Client certificate; requires --tls-key"},
    {"--tls-key", &Words::tls_key, "FILE", "Key of the client certificate"},
    {"--tls-sni", &Words::tls_server_name, "NAME",
     "Name in the server's certificate (the host of the URL)"},
    {"--tls-insecure", &Words::tls_insecure, "",
     "Accept any certificate: a machine in between can read and change everything"},
});

constexpr auto result_options = std::to_array<Option>({
    {"--dry-run", &Words::dry_run, "",
     "Show the store, the lease, the holder of the lock and the command, and start nothing"},
    {"--status-file", &Words::status_file, "FILE", "Write the result to FILE as JSON"},
    {"--metrics-file", &Words::metrics_file, "FILE",
     "Count the run in FILE, for the textfile collector of Prometheus' node exporter"},
    {"--on-skip", &Words::on_skip, "CMD",
     "Shell command to run when the lock is held, or --once-per skips the job. It receives the "
     "result as JSON on stdin, and in its environment"},
    {"--on-lost", &Words::on_lost, "CMD",
     "The same when the lock was lost or unconfirmed, and the job was killed"},
    {"--on-failure", &Words::on_failure, "CMD",
     "The same for every other run that fails. Without --on-lost also for a lost lock"},
    {"--hook-timeout", &Words::hook_timeout, "DUR",
     "Time after which such a command is killed (30s)"},
    {"--log-format", &Words::log_format, "text|json", "Format of dlock's lines on stderr (text)"},
    {"-v,--verbose", &Words::verbose, "", "Write more to stderr"},
    {"-q,--quiet", &Words::quiet, "", "Write only errors to stderr"},
});

// --- the other sub-commands ---

constexpr auto timeout_options = std::to_array<Option>({
    {"--timeout", &Words::timeout, "DUR", "Time for the store to answer (5s)"},
});

/// The options common to the commands that show locks.
constexpr auto view_options = std::to_array<Option>({
    {"--json", &Words::json, "", "Write JSON, one object on one line"},
    {"--watch", &Words::watch, "[DUR]", "Repeat every DUR (2s)", true},
});

constexpr auto status_options = std::to_array<Option>({
    {"--owner", &Words::owner, "HASH",
     "Report the state of the run with this owner hash: RUNNING (75), NO_RUNNING_PROCESS (1), "
     "NO_KEY (0), SOMEONE_ELSE_HOLDS_LOCK (80) or MALFORMED_OWNER_HASH (64)"},
});

constexpr auto list_options = std::to_array<Option>({
    {"--keys", &Words::keys_only, "", "Show only the keys, one on each line"},
});

constexpr auto unlock_options = std::to_array<Option>({
    {"--force", &Words::force, "",
     "Take the lock even from a holder that lives. Its job is killed at once, and the lock stays "
     "closed until the job is gone"},
    {"--yes", &Words::yes, "", "With --force: do not ask for confirmation on a terminal"},
});

/// The options on which the findings of doctor depend.
constexpr auto judged_options = std::to_array<Option>({
    lock_options[1],  // --ttl
    lock_options[2],  // --lock-ttl
    replica_options[0],
    replica_options[1],
    replica_options[2],
    replica_options[3],
});

constexpr auto doctor_options = std::to_array<Option>({
    {"--json", &Words::json, "", "Write the findings as JSON"},
});

constexpr const char* duration_help =
    "DUR is a number with a unit (500ms, 30s, 5m, 1h30m, 1d); a bare number is in seconds.\n";

constexpr const char* run_examples =
    "\nExamples:\n"
    "  dlock run --key backup -- backup.sh                                   on this machine\n"
    "  dlock run --key deploy --wait 10m --store redis://r1 -- deploy.sh     in the cluster\n"
    "  dlock run --key report --once-per daily --store redis://r1 -- report  once a day in it\n";

std::string run_footer() {
  return std::string{duration_help} +
         "Defaults are in parentheses. Every option but --key can also be a variable, as in "
         "DLOCK_TTL=30s or\n"
         "DLOCK_ON_SILENCE=continue, or stand in the configuration file. The job finds DLOCK_KEY, "
         "DLOCK_OWNER\n"
         "and DLOCK_FENCING_TOKEN in its environment, and DLOCK_SOCKET with --heartbeat-timeout "
         "or\n"
         "--on-silence=continue.\n\n" +
         exit_code_table();
}

/// The help of the words after the options. CLI11 does not handle these words, because it would
/// take a key in brackets for a list.
std::string about_words(const std::string& word, const std::string& description,
                        const std::string& codes) {
  return word + ": " + description + "\n\n" + duration_help + codes;
}

std::string status_footer() {
  return about_words("KEY", "Name of a lock; put -- before one that starts with a dash",
                     "Exits with 0 when all of them are free, with 75 when one is held, with 1 "
                     "when the holder of\n"
                     "one is dead.");
}

std::string list_footer() {
  return about_words(
      "PATTERN", "Glob of keys: * any text, ? one character, [a-z] a range (quote it)",
      "Lists every lock that is held, also by a dead holder, or kept by --min-hold. Free locks "
      "are left out.");
}

std::string unlock_footer() {
  return about_words("KEY", "Name of the lock; put -- before one that starts with a dash",
                     "Exits with 0 when the lock is free, with 75 when its holder lives, with 81 "
                     "when the holder\n"
                     "does not confirm the end of its job.");
}

std::string doctor_footer() {
  return std::string{duration_help} +
         "Give the options of the runs to check. dlock doctor takes a lock of its own and "
         "releases it.\n"
         "Exits with 0, or with 1 when something breaks the promise.";
}

std::string heartbeat_footer() {
  return "For a process of a job of dlock run --heartbeat-timeout or --on-silence=continue. "
         "DLOCK_SOCKET\n"
         "leads to that run. Exits with 0 while the lock is held; with 80 when the lock is lost, "
         "the job is\n"
         "being killed, or dlock is gone; with 81 when the lock is unconfirmed: the store "
         "does not\n"
         "answer, or dlock did not answer within 2 seconds.";
}

std::string completion_footer() {
  return "Prints a script that completes options and keys in that shell, for instance\n"
         "  source <(dlock completion bash)        in ~/.bashrc\n"
         "  source <(dlock completion zsh)         in ~/.zshrc, after compinit\n"
         "  dlock completion fish | source         in ~/.config/fish/config.fish\n"
         "The packages install it already.";
}

constexpr const char* lock_title = "Lock";
constexpr const char* store_title = "Store";
constexpr const char* tls_title = "TLS";
constexpr const char* output_title = "Output";

constexpr std::array<CommandOptions, 7> commands{
    {{"run",
      "Run a job while holding a lock",
      SubCommand::Run,
      {{{lock_title, lock_options},
        {"Waiting", waiting_options},
        {"Job", job_options},
        {store_title, store_options},
        {store_title, replica_options},
        {tls_title, tls_options},
        {"Results and messages", result_options}}},
      run_examples,
      run_footer},
     {"status",
      "Report the holder of a lock and its waiters",
      SubCommand::Status,
      {{{output_title, status_options},
        {output_title, view_options},
        {store_title, store_options},
        {store_title, timeout_options},
        {tls_title, tls_options}}},
      "",
      status_footer,
      true},
     {"list",
      "List all locks that are held",
      SubCommand::List,
      {{{output_title, list_options},
        {output_title, view_options},
        {store_title, store_options},
        {store_title, timeout_options},
        {tls_title, tls_options}}},
      "",
      list_footer,
      true},
     {"unlock",
      "Free a lock whose holder is dead, or take it by force",
      SubCommand::Unlock,
      {{{lock_title, unlock_options},
        {store_title, store_options},
        {store_title, timeout_options},
        {tls_title, tls_options}}},
      "",
      unlock_footer,
      true},
     {"doctor",
      "Check whether this machine and this store can keep the promise",
      SubCommand::Doctor,
      {{{"Runs to check", judged_options},
        {store_title, store_options},
        {tls_title, tls_options},
        {output_title, doctor_options}}},
      "",
      doctor_footer},
     {"heartbeat",
      "Report the progress of a job from inside, and fail if the lock is lost",
      SubCommand::Heartbeat,
      {},
      "",
      heartbeat_footer},
     {"completion",
      "Print a completion script for a shell",
      SubCommand::Completion,
      {},
      "",
      completion_footer,
      true}}};

}  // namespace

const Option* CommandOptions::find(std::string_view option) const {
  for (const OptionGroup& group : groups) {
    for (const Option& known : group.options) {
      if (known.name() == option) return &known;
    }
  }
  return nullptr;
}

std::span<const CommandOptions> all_commands() { return commands; }

const CommandOptions* find_command(std::string_view name) {
  if (name == "ls") name = "list";
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
