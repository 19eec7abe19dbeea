#include "redis/servers.h"

#include "os/clock.h"
#include "redis/faults.h"

#include <algorithm>

namespace dlock::redis {
bool Answers::from_wrong_server() const {
  return std::any_of(replies.begin(), replies.end(), [](const Reply& reply) {
    return reply.is_error() && is_wrong_server(reply.text);
  });
}

bool Answers::turned_away() const {
  return replies.front().is_error() && is_wrong_server(replies.front().text);
}

/// One server has all keys: the one that answers.
Result<std::vector<std::unique_ptr<Connection>>, StoreFault> Servers::connections_to_all(
    const CallDeadline& deadline) {
  auto found = ask({{"TIME"}}, {}, deadline);
  if (!found) return found.error();
  std::vector<std::unique_ptr<Connection>> connections;
  connections.push_back(another_connection({}));
  return connections;
}

Result<Answers, StoreFault> ask(Connection& connection, const std::vector<Command>& commands,
                                const CallDeadline& deadline) {
  if (auto open = connection.ensure_open(deadline); !open) return open.error();
  const Instant sent_at = BootClock::now();
  auto replies = connection.ask(commands, deadline);
  if (!replies) return replies.error();
  return Answers{std::move(*replies), connection.name(), sent_at, connection.number()};
}

}  // namespace dlock::redis
