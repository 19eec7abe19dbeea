#pragma once

#include "redis/servers.h"

#include <optional>

namespace dlock::redis {

/// A master that Sentinels monitor: queries them for its address, and again if the known master is
/// gone or has become a replica. https://redis.io/docs/latest/develop/reference/sentinel-clients/
class SentinelServers final : public Servers {
 public:
  SentinelServers(const RedisAddress& address, Access master_access, const Access& sentinel_access);

  Result<Answers, StoreFault> ask(const std::vector<Command>& commands, std::string_view key,
                                  const CallDeadline& deadline) override;
  std::unique_ptr<Connection> another_connection(std::string_view key) const override;
  const std::string& name() const override { return name_; }

 private:
  /// Connects to the current master, in master_.
  Result<Done, StoreFault> find_master(const CallDeadline& deadline);
  Result<Endpoint, StoreFault> ask_sentinel(Connection& sentinel, const CallDeadline& deadline);
  Result<Done, StoreFault> connect_to(const Endpoint& endpoint, const Connection& sentinel,
                                      const CallDeadline& deadline);

  std::string name_;
  std::string master_name_;
  Access master_access_;
  std::vector<Connection> sentinels_;  // the one that answered last comes first
  std::optional<Connection> master_;
};

}  // namespace dlock::redis
