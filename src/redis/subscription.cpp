#include "redis/subscription.h"

#include "os/clock.h"
#include "redis/faults.h"

namespace dlock::redis {

Result<Bell, StoreFault> Bell::hang(std::unique_ptr<Connection> connection,
                                    const std::string& channel, const Patience& patience) {
  const Instant began = BootClock::now();
  const std::string name = connection->name();
  if (auto open = connection->ensure_open(patience); !open) return open.error();
  if (auto told = connection->tell({"SUBSCRIBE", channel}, patience); !told) return told.error();
  auto reply = connection->listen(patience);
  if (!reply) return reply.error();
  if (!*reply) {
    if (patience.interrupt != nullptr && patience.interrupt->requested()) return interrupted(name);
    return timed_out(name, patience.until - began);
  }
  if ((*reply)->is_error()) return error_reply(name, (*reply)->text);
  return Bell{std::move(connection)};
}

Result<std::optional<std::string>, StoreFault> Bell::listen(const Patience& patience) {
  auto said = connection_->listen(patience);
  if (!said) return said.error();
  if (!*said) return std::optional<std::string>{};
  // {"message", channel, text}
  return std::optional<std::string>{(*said)->text_at(2)};
}

}  // namespace dlock::redis
