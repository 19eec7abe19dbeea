#include "redis/servers.h"

#include "redis/cluster.h"
#include "redis/faults.h"
#include "redis/sentinel.h"

#include <algorithm>

namespace dlock::redis {
namespace {

/// One server, to which its name leads.
class Standalone final : public Servers {
 public:
  Standalone(const Endpoint& endpoint, const Access& access) : connection_(endpoint, access) {}

  Result<Answers, StoreFault> ask(const std::vector<Command>& commands, std::string_view,
                                  const Patience& patience) override {
    // A connection that is left open may lead to what the server was once, and of several addresses
    // each may be the master's: so as often as there are such, and the second time at once.
    for (std::size_t tries = 0;; ++tries) {
      auto answers = redis::ask(connection_, commands, patience);
      if (!answers || !answers->from_wrong_server()) return answers;
      connection_.leave();
      if (!answers->turned_away() || tries >= connection_.addresses()) return answers;
    }
  }
  std::unique_ptr<Connection> another_connection(std::string_view) const override {
    return connection_.another();
  }
  const std::string& name() const override { return connection_.name(); }

 private:
  Connection connection_;
};

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
  return std::make_unique<Standalone>(address.endpoints.front(), access);
}

bool Answers::from_wrong_server() const {
  return std::any_of(replies.begin(), replies.end(), [](const Reply& reply) {
    return reply.is_error() && is_wrong_server(reply.text);
  });
}

bool Answers::turned_away() const {
  return replies.front().is_error() && is_wrong_server(replies.front().text);
}

/// One server has all of them: whoever answers.
Result<std::vector<std::unique_ptr<Connection>>, StoreFault> Servers::connections_to_all(
    const Patience& patience) {
  auto found = ask({{"TIME"}}, {}, patience);
  if (!found) return found.error();
  std::vector<std::unique_ptr<Connection>> connections;
  connections.push_back(another_connection({}));
  return connections;
}

Result<Answers, StoreFault> ask(Connection& connection, const std::vector<Command>& commands,
                                const Patience& patience) {
  if (auto open = connection.ensure_open(patience); !open) return open.error();
  const Instant sent_at = BootClock::now();
  auto replies = connection.ask(commands, patience);
  if (!replies) return replies.error();
  return Answers{std::move(*replies), connection.name(), sent_at, connection.number()};
}

}  // namespace dlock::redis
