#pragma once

#include "redis/connection.h"

#include <memory>
#include <optional>
#include <string>

namespace dlock::redis {

/// Hears when a waiter is called: a connection of its own, subscribed to the waiter's channel.
///
/// Whoever listens is seen to live: the server tells the script that calls how many have heard it.
class Bell {
 public:
  /// Subscribes, and returns when the server has confirmed it: no call is missed from then on.
  static Result<Bell, StoreFault> hang(std::unique_ptr<Connection> connection,
                                       const std::string& channel, const Patience& patience);

  /// The next call; nothing when the patience is over. A fault: it can hear nothing any more.
  Result<std::optional<std::string>, StoreFault> listen(const Patience& patience);

 private:
  explicit Bell(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}

  std::unique_ptr<Connection> connection_;
};

}  // namespace dlock::redis
