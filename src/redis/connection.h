#pragma once

#include "core/call_deadline.h"
#include "core/fault.h"
#include "redis/address.h"
#include "redis/password.h"
#include "redis/resp.h"
#include "redis/server_addresses.h"
#include "redis/stream.h"
#include "redis/tls.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dlock::redis {

/// How to log in to a server.
struct Access {
  Login login;
  int database = 0;
  std::shared_ptr<Tls> tls;  // null: unencrypted
  /// Creates the password, if a command supplies it.
  std::shared_ptr<PasswordCommand> command = {};
  /// The known addresses of all servers with this access.
  std::shared_ptr<AddressBook> addresses = {};
};
Access access_to(const Login& login, int database, std::shared_ptr<Tls> tls,
                 std::shared_ptr<AddressBook> addresses);

using Command = std::vector<std::string_view>;

/// A connection to one server. One deadline bounds each wait, for all its bytes.
///
/// hiredis bounds each recv(2) instead, so that a server that sends byte by byte can block a "1 s"
/// command for any time; and its sockets are neither close-on-exec nor safe from SIGPIPE. So dlock
/// opens the socket, and hiredis only parses the protocol.
///
/// After any fault the connection is closed and stays closed: a late reply must never be taken for
/// the answer to the next request (PROTOCOL.md, "Renew").
///
/// Each opening looks the name up (dial). Of several addresses the one that answered last is tried
/// first, and those that failed are tried last.
class Connection {
 public:
  /// `named_by` is the server that named the address, if the user did not: an error that it cannot
  /// be reached shows it.
  Connection(Endpoint endpoint, Access access, std::string named_by = {});

  /// Connects and logs in, unless the connection is open. The login takes a round trip of its own:
  /// if it were sent with the first command, a wrong password would let that command run as the
  /// default user, and a wrong database number in database 0.
  Result<Done, StoreFault> ensure_open(const CallDeadline& deadline);

  /// Sends the commands together and waits for a reply to each, which can be an error reply.
  /// Requires ensure_open.
  Result<std::vector<Reply>, StoreFault> ask(const std::vector<Command>& commands,
                                             const CallDeadline& deadline);

  /// Sends a command without waiting for the reply. This is how to subscribe: afterwards the server
  /// sends messages at any time. Requires ensure_open; then only listen() is used.
  Result<Done, StoreFault> tell(const Command& command, const CallDeadline& deadline);
  /// The next message of the server; empty if the deadline has passed or the wait was cancelled,
  /// after which the connection is still usable.
  Result<std::optional<Reply>, StoreFault> listen(const CallDeadline& deadline);

  void close();
  /// Closes the connection because this is the wrong server (see is_wrong_server).
  void leave();
  bool open() const { return stream_ != nullptr; }
  /// The number of addresses of its name.
  std::size_t addresses() const { return where_->count(); }
  /// Identifies this opening: every opening has another number.
  std::uint64_t number() const { return number_; }
  /// A new connection to the same address, not opened yet.
  std::unique_ptr<Connection> another() const;
  const Endpoint& endpoint() const { return endpoint_; }
  /// The name of the server in messages.
  const std::string& name() const { return name_; }

 private:
  Result<Done, StoreFault> connect(const CallDeadline& deadline);
  /// Whether the server or a proxy closed the connection between two requests. Anything that it
  /// sent then answers no request.
  bool ended_meanwhile();
  Result<Done, StoreFault> shake_hands(const CallDeadline& deadline);
  Result<Done, StoreFault> log_in(const CallDeadline& deadline);
  Result<std::string, StoreFault> password(const CallDeadline& deadline) const;
  Result<std::vector<Reply>, StoreFault> exchange(std::string_view unsent, std::size_t count,
                                                  const CallDeadline& deadline);
  /// Sends as much as possible. Moved: all is sent; WantsToWrite: the socket's buffer is full.
  Result<Transfer::State, StoreFault> push(std::string_view& unsent);
  /// True if all replies have arrived.
  Result<bool, StoreFault> take_replies(std::vector<Reply>& into, std::size_t count);
  /// Passes the bytes that have arrived, if any, to the reader.
  Result<Done, StoreFault> receive();

  Endpoint endpoint_;
  Access access_;
  std::string named_by_;
  std::string name_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<ReplyReader> reader_;
  bool heard_ = false;  // since it was opened
  std::uint64_t number_ = 0;
  std::shared_ptr<ServerAddresses> where_;
  std::optional<SocketAddress> peer_;  // of this or the last opening
};

/// An even share of the remaining time: one server or address that hangs leaves time for the
/// others.
CallDeadline share_of(const CallDeadline& deadline, std::size_t parts);

}  // namespace dlock::redis
