#pragma once

#include "core/fd.h"
#include "store/address.h"
#include "store/redis/resp.h"
#include "store/store.h"

#include <memory>
#include <string>
#include <vector>

namespace dlock::redis {

/// A connection on which every wait has one deadline for all its bytes.
///
/// hiredis bounds each recv(2) instead, so that a server which drips holds a "1 s" command for as
/// long as it likes; and its sockets are neither close-on-exec nor safe from SIGPIPE. So the socket
/// is ours and only the protocol is hiredis's.
///
/// After any fault the connection is closed and stays so: a late reply must never be taken for the
/// answer to the next request (PROTOCOL 0.4).
class Connection {
 public:
  explicit Connection(RedisAddress address) : address_(std::move(address)) {}

  /// Connects and logs in, if there is no connection yet. Logging in costs a round trip of its own:
  /// were it sent along with the first command, a wrong password would let that command run as the
  /// default user, and a wrong database number in database 0.
  Result<Done, StoreFault> ensure_open(const Patience& patience);

  /// Sends one command and waits for its reply, which may be an error reply. Needs ensure_open.
  Result<Reply, StoreFault> ask(const std::vector<std::string_view>& words,
                                const Patience& patience);

  void close();
  const std::string& name() const { return name_; }

 private:
  Result<Done, StoreFault> connect(const Patience& patience);

  Result<Done, StoreFault> log_in(const Patience& patience);
  Result<Done, StoreFault> exchange(std::string bytes, std::size_t replies,
                                    std::vector<Reply>& into, const Patience& patience);

  RedisAddress address_;
  std::string name_ = address_.name();
  Fd socket_;
  std::unique_ptr<ReplyReader> reader_;
};

}  // namespace dlock::redis
