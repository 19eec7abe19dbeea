#include "store/open.h"

#include "core/text.h"
#include "os/self.h"
#include "redis/deployment.h"
#include "store/local/local_inspector.h"
#include "store/local/local_store.h"
#include "store/redis/redis_inspector.h"
#include "store/redis/redis_store.h"

namespace dlock {
namespace {

bool is_cluster(const StoreAddress& address) {
  const auto* redis = std::get_if<RedisAddress>(&address);
  return redis != nullptr && redis->deployment == Deployment::Cluster;
}

redis::ScriptCaller make_caller(const RedisAddress& address, const StoreOptions& options) {
  return {redis::make_servers(
              {.address = address,
               .sentinel_login = options.sentinel_login,
               .tls = address.uses_tls() ? std::make_shared<redis::Tls>(options.tls) : nullptr}),
          {options.least_replicas, options.replica_timeout}};
}

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

}  // namespace

bool holds_secret(const StoreOptions& options) {
  const auto* redis = std::get_if<RedisAddress>(&options.address);
  return redis != nullptr &&
         (redis->login.password.given() || options.sentinel_login.password.given() ||
          !options.tls.key_file.empty());
}

bool runs_helpers(const StoreOptions& options) {
  const auto* redis = std::get_if<RedisAddress>(&options.address);
  return redis != nullptr && (!redis->login.password.command.empty() ||
                              !options.sentinel_login.password.command.empty());
}

std::unique_ptr<Store> make_store(const StoreOptions& options) {
  if (const auto* local = std::get_if<LocalAddress>(&options.address)) {
    return std::make_unique<local::LocalStore>(local->directory, options.trust_file_system
                                                                     ? local::Unsure::IsTrusted
                                                                     : local::Unsure::IsRefused);
  }
  return std::make_unique<redis::RedisStore>(
      make_caller(std::get<RedisAddress>(options.address), options),
      redis::RedisStore::Setting{
          .prefix = options.prefix,
          .restart = options.trust_restart ? redis::Restart::Trust : redis::Restart::Distrust,
          .lapse = options.revive_lapsed ? redis::Lapse::IsRevived : redis::Lapse::IsLoss,
          .slots = is_cluster(options.address) ? redis::Slots::One : redis::Slots::Any});
}

std::unique_ptr<Inspector> make_inspector(const StoreOptions& options) {
  if (const auto* local = std::get_if<LocalAddress>(&options.address))
    return std::make_unique<local::LocalInspector>(local->directory);
  return std::make_unique<redis::RedisInspector>(
      make_caller(std::get<RedisAddress>(options.address), options), options.prefix);
}

Claim make_claim(const StoreOptions& options, const LockKey& key, const LeaseTerms& terms,
                 pid_t pid, const std::vector<std::string>& command) {
  constexpr std::size_t longest_command = 200;
  const std::string host = host_name();
  return {.key = key,
          .terms = terms,
          .process = at_home_in(options, key, make_process_hash(host, pid, random_number())),
          .host = printable(host),
          .pid = pid,
          .user = user_name(),
          .command = excerpt(without_url_secrets(joined(command)), longest_command)};
}

ProcessHash at_home_in(const StoreOptions& options, const LockKey& key, ProcessHash process) {
  if (!is_cluster(options.address)) return process;
  return redis::LockKeys{options.prefix, key}.homed(process);
}

std::string why_prefix_unfit(const StoreOptions& options) {
  if (!is_cluster(options.address) || redis::LockKeys::prefix_fits_cluster(options.prefix))
    return {};
  return "has empty braces, so the keys of a lock would not be in one slot of a Cluster; remove "
         "them";
}

bool leases_expire(const StoreAddress& address) {
  return !std::holds_alternative<LocalAddress>(address);
}

}  // namespace dlock
