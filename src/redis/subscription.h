#pragma once

#include "redis/connection.h"

#include <memory>
#include <optional>
#include <string>

namespace dlock::redis {

/// A separate connection that is subscribed to one channel. The server reports to a publisher how
/// many subscribers received its message, so a subscription proves that its process is alive.
class Subscription {
 public:
  /// Subscribes, and returns when the server has confirmed it: from then on no message is missed.
  static Result<Subscription, StoreFault> open(std::unique_ptr<Connection> connection,
                                               const std::string& channel,
                                               const CallDeadline& deadline);

  /// The next message; empty if the deadline has passed. After a fault it receives no more
  /// messages.
  Result<std::optional<std::string>, StoreFault> listen(const CallDeadline& deadline);

 private:
  explicit Subscription(std::unique_ptr<Connection> connection)
      : connection_(std::move(connection)) {}

  std::unique_ptr<Connection> connection_;
};

}  // namespace dlock::redis
