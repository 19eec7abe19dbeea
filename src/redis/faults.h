#pragma once

#include "core/fault.h"
#include "core/time.h"

#include <optional>
#include <string>

namespace dlock::redis {

/// The server could not be reached: nothing was sent, so nothing was applied.
StoreFault unreachable(const std::string& server, const std::string& why);

/// The server did not answer in time, or the connection broke: whether the request was applied is
/// unknown.
StoreFault timed_out(const std::string& server, Duration timeout);
StoreFault connection_broke(const std::string& server, const std::string& why);

/// The connection broke or, with `refusal`, one side refused the other.
StoreFault broken(const std::string& server, const std::string& why,
                  std::optional<ExitCode> refusal);
/// A new connection ended before the server sent anything.
StoreFault closed_without_reply(const std::string& server, const std::string& why);
StoreFault no_tls_handshake(const std::string& server);
/// An option of dlock is unusable: `why` names it and the remedy.
StoreFault misconfigured(const std::string& why);

/// The caller cancelled the wait.
StoreFault cancelled(const std::string& server);

/// The bytes received are not the Redis protocol.
StoreFault not_redis(const std::string& server);
/// The bytes received are TLS.
StoreFault speaks_tls(const std::string& server);

/// The server was configured as a Sentinel, but is none.
StoreFault no_sentinel(const std::string& server);
/// The Sentinel monitors no master of that name.
StoreFault unknown_master(const std::string& sentinel, const std::string& master);

/// A reply that begins with `-`: each kind has its own sentence, exit code and remedy.
StoreFault error_reply(const std::string& server, const std::string& error);

/// Whether an error reply means that this is the wrong server, possibly only now: a replica, or one
/// that is loading its data or cut off from its peers. Another server may have taken over its name.
bool is_wrong_server(const std::string& error);

/// Whether an error reply means that the key has another type: while a job runs this is an answer
/// (the lock is gone), not a missing answer.
bool is_wrong_type(const std::string& error);

}  // namespace dlock::redis
