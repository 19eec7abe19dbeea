#include "redis/deployment.h"

#include "redis/cluster.h"
#include "redis/sentinel.h"
#include "redis/standalone.h"

namespace dlock::redis {

Access access_to_servers(const ServersSetting& setting) {
  const RedisAddress& address = setting.address;
  return access_to(address.login, address.database, address.tls ? setting.tls : nullptr,
                   setting.addresses);
}

Access access_to_sentinels(const ServersSetting& setting) {
  return access_to(setting.sentinel_login, 0, setting.address.sentinel_tls ? setting.tls : nullptr,
                   setting.addresses);
}

std::unique_ptr<Servers> make_servers(const ServersSetting& setting) {
  const RedisAddress& address = setting.address;
  const Access access = access_to_servers(setting);
  switch (address.deployment) {
    case Deployment::Sentinel:
      return std::make_unique<SentinelServers>(address, access, access_to_sentinels(setting));
    case Deployment::Cluster:
      return std::make_unique<ClusterServers>(address, access);
    case Deployment::Standalone:
      break;
  }
  return std::make_unique<StandaloneServers>(address.endpoints.front(), access);
}

}  // namespace dlock::redis
