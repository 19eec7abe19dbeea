#include "store/open.h"

#include "store/local/local_store.h"
#include "store/redis/redis_store.h"

namespace dlock {

std::unique_ptr<Store> make_store(const StoreOptions& options) {
  if (const auto* local = std::get_if<LocalAddress>(&options.address)) {
    return std::make_unique<local::LocalStore>(local->directory);
  }
  return std::make_unique<redis::RedisStore>(
      std::get<RedisAddress>(options.address), options.prefix,
      options.trust_restart ? redis::Restart::Trust : redis::Restart::Distrust,
      options.revive_lapsed ? redis::Lapse::IsRevived : redis::Lapse::IsLoss);
}

bool leases_expire(const StoreAddress& address) {
  return !std::holds_alternative<LocalAddress>(address);
}

}  // namespace dlock
