#pragma once

#include "redis/connection.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dlock::redis {

/// The replies to commands that went to a server together.
struct Answers {
  std::vector<Reply> replies;    // one for each command
  std::string server;            // who gave them, for messages
  Instant sent_at;               // read before the request left
  std::uint64_t connection = 0;  // over which they came: see Connection::number

  /// Some reply says that the server is not the one to ask: see is_wrong_server.
  bool from_wrong_server() const;
  /// It did nothing besides saying so: the same may be asked of another one.
  bool turned_away() const;
};

/// The servers that keep the locks, however they are deployed: finds the one to ask.
///
/// Not thread-safe: one thread at a time, as the store that it belongs to.
class Servers {
 public:
  virtual ~Servers() = default;

  /// Sends the commands, which touch no other keys than those of that key's slot, to the server in
  /// charge of it. An error reply is an answer, unless it sends us elsewhere.
  virtual Result<Answers, StoreFault> ask(const std::vector<Command>& commands,
                                          std::string_view key, const CallDeadline& deadline) = 0;

  /// A connection of its own to the server that answered last for that key; not opened yet. None
  /// before there was an answer.
  virtual std::unique_ptr<Connection> another_connection(std::string_view key) const = 0;

  /// A connection of its own to each server that has a part of the keys; not opened yet.
  virtual Result<std::vector<std::unique_ptr<Connection>>, StoreFault> connections_to_all(
      const CallDeadline& deadline);

  /// Names all of them in messages.
  virtual const std::string& name() const = 0;
};

/// Opens the connection if need be, and asks.
Result<Answers, StoreFault> ask(Connection& connection, const std::vector<Command>& commands,
                                const CallDeadline& deadline);

}  // namespace dlock::redis
