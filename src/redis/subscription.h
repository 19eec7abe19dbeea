#pragma once

#include "redis/connection.h"

#include <memory>
#include <optional>
#include <string>

namespace dlock::redis {

/// A connection of its own that is subscribed to one channel. A publisher learns from the server
/// how many subscribers have got its message, so a subscriber is seen to live.
class Subscription {
 public:
  /// Subscribes, and returns when the server has confirmed it: no message is missed from then on.
  static Result<Subscription, StoreFault> open(std::unique_ptr<Connection> connection,
                                               const std::string& channel,
                                               const CallDeadline& deadline);

  /// The next message; nothing when the deadline has passed. A fault: it gets no more messages.
  Result<std::optional<std::string>, StoreFault> listen(const CallDeadline& deadline);

 private:
  explicit Subscription(std::unique_ptr<Connection> connection)
      : connection_(std::move(connection)) {}

  std::unique_ptr<Connection> connection_;
};

}  // namespace dlock::redis
