#include "cli/store_settings.h"

#include "cli/usage_error.h"
#include "cli/values.h"
#include "core/duration.h"
#include "core/number.h"
#include "os/fd.h"
#include "os/secret_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace dlock::cli {
namespace {

struct ChosenStore {
  StoreAddress address;
  Source source;
};

ChosenStore chosen_store(const Words& words, const std::optional<std::string>& variable) {
  const Source source = words.source("store");
  if (source == Source::Flag || (source == Source::File && !variable)) {
    auto address = parse_store_address(words.store);
    if (!address) usage_error("--store " + address.error());
    return {std::move(*address), source};
  }
  if (!variable) return {LocalAddress{}, Source::Default};
  // A variable that is set but empty is a deployment error. It must never become a lock of this
  // machine only.
  auto address = parse_store_address(*variable);
  if (!address) {
    const std::string remedy = variable->empty() ? "; unset it to use the embedded store" : "";
    configuration_error("DLOCK_STORE " + address.error() + remedy);
  }
  return {std::move(*address), Source::Environment};
}

/// Reads the password once, so that an unusable one is reported before anything is started.
Password password_at(const char* option, const std::string& path) {
  Password password{.file = path, .option = option};
  auto read = password_in_file(password);
  if (!read) configuration_error(read.error().why);
  if (read->only_once) return {.text = std::move(read->text)};
  return password;
}

/// The password of --password-file or --password-command, whichever has the higher source.
std::optional<Password> password_elsewhere(const Words& words) {
  const Source file = words.source("password-file");
  const Source command = words.source("password-command");
  if (file == Source::Default && command == Source::Default) return {};
  if (file == command) {
    usage_error("--password-file " + in_quotes(words.password_file) +
                " and --password-command both give a password; remove one");
  }
  if (file > command) return password_at("--password-file", words.password_file);
  if (words.password_command.empty()) usage_error("--password-command '' names no command");
  return Password{.command = words.password_command, .option = "--password-command"};
}

/// If a password is given twice, the higher source counts. A password in the URL beats
/// REDISCLI_AUTH, which may be meant for another server.
Password password_of(const Words& words, const Environment& environment, const Password& in_url,
                     Source url) {
  const Source elsewhere =
      std::max(words.source("password-file"), words.source("password-command"));
  const bool is_elsewhere = elsewhere != Source::Default;
  if (in_url.given() && is_elsewhere && elsewhere == url) {
    const bool in_file = words.source("password-file") == elsewhere;
    usage_error((in_file ? "--password-file " + in_quotes(words.password_file)
                         : std::string{"--password-command"}) +
                " and the URL of the store both give a password; remove one");
  }
  if (elsewhere == Source::Flag) return *password_elsewhere(words);
  if (in_url.given() && url != Source::File) return in_url;
  // REDISCLI_AUTH can be meant for another server, and DLOCK_PASSWORD_FILE cannot.
  if (elsewhere == Source::Environment) return *password_elsewhere(words);
  if (const auto variable = environment.password.value_or(""); !variable.empty())
    return {.text = variable};
  return is_elsewhere ? *password_elsewhere(words) : in_url;
}

Login sentinel_login(const Words& words, const Environment& environment) {
  Login login{words.sentinel_user, {.text = environment.sentinel_password.value_or("")}};
  const Source file = words.source("sentinel-password-file");
  if (file == Source::Environment && login.password.given()) {
    configuration_error(
        "DLOCK_SENTINEL_PASSWORD and DLOCK_SENTINEL_PASSWORD_FILE both give a password; remove "
        "one");
  }
  if (file > Source::File || (file == Source::File && !login.password.given()))
    login.password = password_at("--sentinel-password-file", words.sentinel_password_file);
  if (!login.user.empty() && !login.password.given()) {
    usage_error("--sentinel-user " + in_quotes(login.user) +
                " has no password; give one with --sentinel-password-file");
  }
  return login;
}

void check_readable(const char* option, const std::string& path) {
  if (path.empty()) return;
  const Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!file.open()) {
    configuration_error(std::string{option} + " " + in_quotes(path) +
                        " cannot be read: " + ::strerror(errno));
  }
}

/// Reads the key once, so that an unusable one is reported before anything is started. Its text, if
/// it cannot be read again.
std::string key_from_pipe(const std::string& path) {
  if (path.empty()) return {};
  SecretFile key = SecretFile::read(path);
  if (!key.why_not.empty()) configuration_error("--tls-key " + in_quotes(path) + " " + key.why_not);
  return key.only_once ? std::move(key.text) : "";
}

TlsOptions tls_settings(const Words& words) {
  if (words.tls_certificate.empty() != words.tls_key.empty()) {
    usage_error(words.tls_key.empty() ? "--tls-cert requires --tls-key"
                                      : "--tls-key requires --tls-cert");
  }
  check_readable("--tls-cacert", words.tls_ca);
  check_readable("--tls-cert", words.tls_certificate);
  return {.ca_file = words.tls_ca,
          .certificate_file = words.tls_certificate,
          .key_file = words.tls_key,
          .key = key_from_pipe(words.tls_key),
          .server_name = words.tls_server_name,
          .insecure = words.tls_insecure};
}

int least_replicas(const Words& words) {
  constexpr int most = 1000;
  const auto number = parse_number(words.least_replicas, 0, most);
  if (!number) {
    usage_error("--min-replicas " + in_quotes(words.least_replicas) +
                " is not a number of replicas; write a number from 0 to " + std::to_string(most));
  }
  return *number;
}

Duration replica_timeout(const Words& words, Duration ttl) {
  const Duration request = LeaseTerms{ttl, ttl}.request_timeout();
  if (!words.given("replica-timeout")) return request / 2;
  const Duration timeout = duration_of("--replica-timeout", words.replica_timeout);
  const std::string option = "--replica-timeout " + in_quotes(words.replica_timeout) + " ";
  // WAIT takes whole milliseconds, and 0 would wait forever.
  if (timeout < std::chrono::milliseconds{1})
    usage_error(option + "is too short; the minimum is 1ms");
  if (timeout >= request) {
    usage_error(option + "does not fit into a renewal, which can take " + to_text(request) +
                " with this --ttl; reduce it, or raise --ttl");
  }
  return timeout;
}

/// Rejects options on the command line that would silently have no effect on this store.
void check_fit(const Words& words, const StoreAddress& address) {
  const auto refuse = [&](std::initializer_list<const char*> options, const char* why) {
    for (const char* option : options) {
      if (words.source(option) == Source::Flag) usage_error("--" + std::string{option} + " " + why);
    }
  };
  const auto* redis = std::get_if<RedisAddress>(&address);
  if (redis == nullptr) {
    refuse({"min-replicas", "replica-timeout", "password-file", "password-command"},
           "requires a Redis, but the store is local; name one with --store");
  }
  if (redis != nullptr)
    refuse({"trust-file-system"}, "requires a local store, but the store is a Redis; remove it");
  if (redis == nullptr || !redis->uses_tls()) {
    refuse({"tls-cacert", "tls-cert", "tls-key", "tls-sni", "tls-insecure"},
           "requires TLS, but the store does not use it; write rediss:// instead of redis://");
  }
  if (redis == nullptr || redis->deployment != Deployment::Sentinel) {
    refuse({"sentinel-user", "sentinel-password-file"},
           "requires Sentinels, but the store has none; write redis+sentinel://host,host/master");
  }
}

/// Writes the settings of a Redis store into the options and the address in them.
void settle_redis(RedisAddress& redis, StoreOptions& options, Source source, const Words& words,
                  const Environment& environment) {
  redis.login.password = password_of(words, environment, redis.login.password, source);
  if (!redis.login.user.empty() && !redis.login.password.given()) {
    const std::string what =
        " names a user but no password; write user:password@ into the URL, or give "
        "--password-file, --password-command or REDISCLI_AUTH";
    if (source == Source::Environment) configuration_error("DLOCK_STORE" + what);
    usage_error("--store" + what);
  }
  if (redis.uses_tls()) options.tls = tls_settings(words);
  if (redis.deployment == Deployment::Sentinel)
    options.sentinel_login = sentinel_login(words, environment);
}

}  // namespace

StoreSettings store_settings(const Words& words, const Environment& environment, Duration ttl) {
  ChosenStore store = chosen_store(words, environment.store);
  check_fit(words, store.address);
  StoreOptions options{.address = std::move(store.address),
                       .prefix = words.prefix,
                       .trust_restart = words.trust_restart,
                       .least_replicas = least_replicas(words),
                       .replica_timeout = replica_timeout(words, ttl),
                       .trust_file_system = words.trust_file_system};
  if (const std::string why = why_prefix_unfit(options); !why.empty())
    usage_error("--prefix " + in_quotes(words.prefix) + " " + why);
  if (auto* redis = std::get_if<RedisAddress>(&options.address))
    settle_redis(*redis, options, store.source, words, environment);
  return {std::move(options), store.source == Source::Default};
}

}  // namespace dlock::cli
