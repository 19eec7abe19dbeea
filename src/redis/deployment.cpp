#include "redis/deployment.h"

#include "redis/cluster.h"
#include "redis/sentinel.h"

namespace dlock::redis {

namespace {

/// One standalone server.
class StandaloneServers final : public Servers {
 public:
  StandaloneServers(const Endpoint& endpoint, const Access& access)
      : connection_(endpoint, access) {}

  Result<Answers, StoreFault> ask(const std::vector<Command>& commands, std::string_view key,
                                  const CallDeadline& deadline) override;
  std::unique_ptr<Connection> another_connection(std::string_view key) const override;
  const std::string& name() const override { return connection_.name(); }

 private:
  Connection connection_;
};

Result<Answers, StoreFault> StandaloneServers::ask(const std::vector<Command>& commands,
                                                   std::string_view, const CallDeadline& deadline) {
  // An open connection can lead to the former server, and any of several addresses can be the
  // master's: so there are as many retries as addresses, the first one at once.
  for (std::size_t tries = 0;; ++tries) {
    auto answers = redis::ask(connection_, commands, deadline);
    if (!answers || !answers->from_wrong_server()) return answers;
    connection_.leave();
    if (!answers->turned_away() || tries >= connection_.addresses()) return answers;
  }
}

std::unique_ptr<Connection> StandaloneServers::another_connection(std::string_view) const {
  return connection_.another();
}

}  // namespace

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
