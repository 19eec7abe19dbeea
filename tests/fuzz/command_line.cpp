// The whole command line, with its environment variables: one word per line of the input, first the
// variables. It is only parsed; nothing is printed, run or queried.
#include "cli/args.h"
#include "core/text.h"
#include "fuzz/property.h"

#include <algorithm>
#include <array>
#include <optional>

using namespace dlock;
using namespace dlock::cli;

namespace {

constexpr std::string_view secret = "s3cret";

/// Files that options name are really opened, so they must be in an empty directory.
bool leads_elsewhere(std::string_view word) {
  return word.find('/') != word.npos && word.find("://") == word.npos &&
         word.find("local:") == word.npos;
}

/// Removes the variables from the front.
Environment take_environment(std::vector<std::string>& words) {
  Environment environment{.default_config = ""};
  using Variable = std::optional<std::string> Environment::*;
  constexpr std::array<std::pair<std::string_view, Variable>, 9> known{
      {{"DLOCK_STORE=", &Environment::store},
       {"DLOCK_CONFIG=", &Environment::config},
       {"REDISCLI_AUTH=", &Environment::password},
       {"DLOCK_SENTINEL_PASSWORD=", &Environment::sentinel_password},
       {"DLOCK_SOCKET=", &Environment::socket},
       {"DLOCK_KEY=", &Environment::key},
       {"DLOCK_OWNER=", &Environment::owner},
       {"NOTIFY_SOCKET=", &Environment::notify_socket},
       {"WATCHDOG_USEC=", &Environment::watchdog_usec}}};
  while (!words.empty()) {
    const auto found = std::find_if(known.begin(), known.end(), [&](const auto& variable) {
      return words.front().starts_with(variable.first);
    });
    if (found == known.end()) break;
    environment.*found->second = words.front().substr(found->first.size());
    words.erase(words.begin());
  }
  return environment;
}

/// True if the secret is only where it belongs: in the login of a URL, or in a variable for it.
bool is_kept_well(const std::vector<std::string>& words, const Environment& environment) {
  const auto shows = [](const std::string& word) {
    return without_url_secrets(word).find(secret) != std::string::npos;
  };
  return std::none_of(words.begin(), words.end(), shows) &&
         !shows(environment.store.value_or("")) && !shows(environment.config.value_or(""));
}

void check_store(const StoreOptions& store) {
  fuzz::require(store.least_replicas >= 0, "a number of replicas is not negative");
  const auto* redis = std::get_if<RedisAddress>(&store.address);
  if (redis == nullptr) return;
  RedisAddress anonymous = *redis;
  anonymous.login = {};
  fuzz::require(redis->name() == anonymous.name(), "the displayed name of a store has no login");
}

void check(const RunCommand& command, const std::vector<std::string>& job) {
  const supervise::RunOptions& options = command.options;
  fuzz::require(options.command == job && !job.empty(), "the arguments of the job are unchanged");
  fuzz::require(!options.key.bytes().empty() && options.key.bytes().size() <= LockKey::longest,
                "a key is valid");
  fuzz::require(options.terms.ttl() >= LeaseTerms::least_ttl(), "a TTL has room for a renewal");
  fuzz::require(options.terms.lock_ttl() >= options.terms.ttl(), "a lock outlives its liveness");
  fuzz::require(options.conflict_code >= 0 && options.conflict_code <= 255,
                "an exit code is valid");
  fuzz::require(options.done_code >= 0 && options.done_code <= 255, "an exit code is valid");
  fuzz::require(options.stop.signal >= 1 && options.stop.signal <= 64, "a signal is valid");
  fuzz::require(!options.warning || options.warning->signal >= 1, "a signal is valid");
  fuzz::require(options.limit.most >= 1, "a limit is at least one");
  fuzz::require(!options.once || options.once->period.count() >= 1000, "a slot has a duration");
  fuzz::require(!options.once || options.limit.is_exclusive(), "--once-per is exclusive");
  fuzz::require(options.max_run != Duration::zero(), "--max-run is positive");
  fuzz::require(fuzz::repaints_nothing(options.trace) && fuzz::repaints_nothing(options.note),
                "the texts for others are printable");
  check_store(options.store);
}

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::vector<std::string> words;
  for (const std::string_view line : fuzz::lines_of(fuzz::text_of(data, size))) {
    if (line.find('\0') != line.npos || leads_elsewhere(line)) return 0;
    words.emplace_back(line);
  }
  const Environment environment = take_environment(words);
  words.insert(words.begin(), "dlock");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  const auto argc = static_cast<int>(argv.size());

  const CommandLine line = split_at_dashes(argc, argv.data());
  const bool kept_well = is_kept_well(words, environment);
  const std::vector<std::string> before = words;
  wipe_url_secrets(argc, argv.data());
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool is_ours = i <= line.ours.size();
    fuzz::require(is_ours || words[i] == before[i], "the arguments of the job are not erased");
    fuzz::require(!is_ours || !has_url_password(words[i]), "ps shows no password");
  }

  const Parsed parsed = parse(line, environment);
  if (const auto* command = std::get_if<RunCommand>(&parsed)) check(*command, line.job);
  if (const auto* command = std::get_if<DoctorCommand>(&parsed)) check_store(command->store);
  if (const auto* command = std::get_if<ShowCommand>(&parsed)) check_store(command->store);
  if (const auto* command = std::get_if<UnlockCommand>(&parsed)) check_store(command->store);
  if (const auto* bad = std::get_if<BadUsage>(&parsed)) {
    fuzz::require(bad->code == ExitCode::Usage || bad->code == ExitCode::Configuration,
                  "a refusal is a usage or configuration error");
    fuzz::require(!bad->message.empty(), "a refusal has a reason");
    fuzz::require(!kept_well || bad->message.find(secret) == std::string::npos,
                  "no message contains a password");
  }
  return 0;
}
