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

/// How to be let in by a server.
struct Access {
  Login login;
  int database = 0;
  std::shared_ptr<Tls> tls;  // none: in the clear
  /// Makes the password, if that is a command's.
  std::shared_ptr<PasswordCommand> command = {};
  /// What is known of all servers that are accessed like that.
  std::shared_ptr<AddressBook> addresses = {};
};
Access access_to(const Login& login, int database, std::shared_ptr<Tls> tls,
                 std::shared_ptr<AddressBook> addresses);

using Command = std::vector<std::string_view>;

/// A connection to one server, on which every wait has one deadline for all its bytes.
///
/// hiredis bounds each recv(2) instead, so that a server which drips holds a "1 s" command for as
/// long as it likes; and its sockets are neither close-on-exec nor safe from SIGPIPE. So the socket
/// is ours and only the protocol is hiredis's.
///
/// After any fault the connection is closed and stays so: a late reply must never be taken for the
/// answer to the next request (PROTOCOL.md, "Renew").
///
/// Whenever it is opened its name is looked up (dial): of several addresses the one that answered
/// last is tried first, and those that failed us last.
class Connection {
 public:
  /// `named_by` told the address, if that was not our user: whoever cannot reach it is to know.
  Connection(Endpoint endpoint, Access access, std::string named_by = {});

  /// Connects and logs in, if there is no connection, or none any more. Logging in costs a round
  /// trip of its own: were it sent along with the first command, a wrong password would let that
  /// command run as the default user, and a wrong database number in database 0.
  Result<Done, StoreFault> ensure_open(const CallDeadline& deadline);

  /// Sends the commands together and waits for a reply to each, which may be an error reply. Needs
  /// ensure_open.
  Result<std::vector<Reply>, StoreFault> ask(const std::vector<Command>& commands,
                                             const CallDeadline& deadline);

  /// Sends a command without waiting for the reply: the way to subscribe, after which the server
  /// speaks when it likes. Needs ensure_open; then only listen() is used.
  Result<Done, StoreFault> tell(const Command& command, const CallDeadline& deadline);
  /// The next thing that the server says; nothing when the deadline has passed or the wait was
  /// cancelled, which does not harm the connection.
  Result<std::optional<Reply>, StoreFault> listen(const CallDeadline& deadline);

  void close();
  /// Closes it because the server is not the one to ask (see is_wrong_server).
  void leave();
  bool open() const { return stream_ != nullptr; }
  /// How many addresses its name has.
  std::size_t addresses() const { return where_->count(); }
  /// Of this opening: no two have the same number.
  std::uint64_t number() const { return number_; }
  /// One more to the same address, not opened yet.
  std::unique_ptr<Connection> another() const;
  const Endpoint& endpoint() const { return endpoint_; }
  /// Names the server in messages.
  const std::string& name() const { return name_; }

 private:
  Result<Done, StoreFault> connect(const CallDeadline& deadline);
  /// Between two requests a server or a proxy may hang up, and whatever it says then answers none.
  bool ended_meanwhile();
  Result<Done, StoreFault> shake_hands(const CallDeadline& deadline);
  Result<Done, StoreFault> log_in(const CallDeadline& deadline);
  Result<std::string, StoreFault> password(const CallDeadline& deadline) const;
  Result<std::vector<Reply>, StoreFault> exchange(std::string_view unsent, std::size_t count,
                                                  const CallDeadline& deadline);
  /// Sends all of it. Moved: all is sent; WantsToWrite: there is no room for more now.
  Result<Transfer::State, StoreFault> push(std::string_view& unsent);
  /// True when all replies are there.
  Result<bool, StoreFault> take_replies(std::vector<Reply>& into, std::size_t count);
  /// Feeds the reader with what has come, which may be nothing.
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

/// The time that is left, shared evenly: one server or address that hangs leaves some for the
/// others.
CallDeadline share_of(const CallDeadline& deadline, std::size_t parts);

}  // namespace dlock::redis
