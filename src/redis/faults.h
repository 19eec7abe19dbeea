#pragma once

#include "core/fault.h"
#include "core/time.h"

#include <optional>
#include <string>

namespace dlock::redis {

/// The server could not be reached: nothing was sent, so nothing was applied.
StoreFault unreachable(const std::string& server, const std::string& why);

/// The server did not answer in time, or the connection broke: whether it was applied is unknown.
StoreFault timed_out(const std::string& server, Duration timeout);
StoreFault connection_broke(const std::string& server, const std::string& why);

/// The line broke, or, if `refusal` says so, one of the two did not want the other.
StoreFault broken(const std::string& server, const std::string& why,
                  std::optional<ExitCode> refusal);
/// A fresh connection ended before the server had said anything.
StoreFault closed_without_a_word(const std::string& server, const std::string& why);
StoreFault no_tls_handshake(const std::string& server);
/// An option of ours cannot be used: `why` names it, and the remedy.
StoreFault misconfigured(const std::string& why);

/// The caller called the wait off.
StoreFault cancelled(const std::string& server);

/// What came is not the Redis protocol.
StoreFault not_redis(const std::string& server);
/// What came is TLS.
StoreFault speaks_tls(const std::string& server);

/// It was named as a Sentinel, but knows nothing of that.
StoreFault no_sentinel(const std::string& server);
/// The Sentinel watches over no master of that name.
StoreFault unknown_master(const std::string& sentinel, const std::string& master);

/// A reply that begins with `-`: each kind has its own sentence, exit code and remedy.
StoreFault error_reply(const std::string& server, const std::string& error);

/// Whether an error reply says that the server is not the one to ask, or not any more: a replica,
/// one that is loading its data or cut off from its peers. The one to which its name leads by now
/// may be.
bool is_wrong_server(const std::string& error);

/// Whether an error reply says that the key is of another type: while a job runs this is an answer
/// (the lock is gone), not silence.
bool is_wrong_type(const std::string& error);

}  // namespace dlock::redis
