#pragma once

#include "redis/servers.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dlock::redis {

/// One server, to which its name leads.
class StandaloneServers final : public Servers {
 public:
  StandaloneServers(const Endpoint& endpoint, const Access& access)
      : connection_(endpoint, access) {}

  Result<Answers, StoreFault> ask(const std::vector<Command>& commands, std::string_view key,
                                  const Patience& patience) override;
  std::unique_ptr<Connection> another_connection(std::string_view key) const override;
  const std::string& name() const override { return connection_.name(); }

 private:
  Connection connection_;
};

}  // namespace dlock::redis
