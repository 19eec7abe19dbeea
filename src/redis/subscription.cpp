#include "redis/subscription.h"

#include "os/clock.h"
#include "redis/faults.h"

namespace dlock::redis {

Result<Subscription, StoreFault> Subscription::open(std::unique_ptr<Connection> connection,
                                                    const std::string& channel,
                                                    const CallDeadline& deadline) {
  const Instant began = BootClock::now();
  const std::string name = connection->name();
  if (auto open = connection->ensure_open(deadline); !open) return open.error();
  if (auto told = connection->tell({"SUBSCRIBE", channel}, deadline); !told) return told.error();
  auto reply = connection->listen(deadline);
  if (!reply) return reply.error();
  if (!*reply) {
    if (deadline.cancellation != nullptr && deadline.cancellation->requested())
      return cancelled(name);
    return timed_out(name, deadline.until - began);
  }
  if ((*reply)->is_error()) return error_reply(name, (*reply)->text);
  return Subscription{std::move(connection)};
}

Result<std::optional<std::string>, StoreFault> Subscription::listen(const CallDeadline& deadline) {
  auto said = connection_->listen(deadline);
  if (!said) return said.error();
  if (!*said) return std::optional<std::string>{};
  // {"message", channel, text}
  return std::optional<std::string>{(*said)->text_at(2)};
}

}  // namespace dlock::redis
