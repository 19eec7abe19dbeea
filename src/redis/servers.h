#pragma once

#include "redis/connection.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dlock::redis {

/// The replies to commands that were sent to a server together.
struct Answers {
  std::vector<Reply> replies;    // one for each command
  std::string server;            // that sent them, for messages
  Instant sent_at;               // read before the request was sent
  std::uint64_t connection = 0;  // that received them: see Connection::number

  /// Whether a reply means that this is the wrong server: see is_wrong_server.
  bool from_wrong_server() const;
  /// Whether the server refused the request without applying it: it can be sent to another server.
  bool turned_away() const;
};

/// The servers that store the locks, in any deployment: finds the one that serves a request.
///
/// Not thread-safe: one thread at a time, like the store that it belongs to.
class Servers {
 public:
  virtual ~Servers() = default;

  /// Sends the commands to the server that serves the slot of that key; they must access no keys of
  /// another slot. An error reply is an answer, unless it redirects.
  virtual Result<Answers, StoreFault> ask(const std::vector<Command>& commands,
                                          std::string_view key, const CallDeadline& deadline) = 0;

  /// A new connection to the server that answered last for that key, not opened yet. Null before
  /// the first answer.
  virtual std::unique_ptr<Connection> another_connection(std::string_view key) const = 0;

  /// A new connection to each server that stores a part of the keys, not opened yet.
  virtual Result<std::vector<std::unique_ptr<Connection>>, StoreFault> connections_to_all(
      const CallDeadline& deadline);

  /// The name of all of them in messages.
  virtual const std::string& name() const = 0;
};

/// Opens the connection if necessary, and sends the commands.
Result<Answers, StoreFault> ask(Connection& connection, const std::vector<Command>& commands,
                                const CallDeadline& deadline);

}  // namespace dlock::redis
