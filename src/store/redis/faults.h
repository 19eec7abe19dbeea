#pragma once

#include "store/store.h"

#include <string>

namespace dlock::redis {

/// The server could not be reached: nothing was sent, so nothing was applied.
StoreFault unreachable(const std::string& server, const std::string& why);

/// The server did not answer in time, or the connection broke: whether it was applied is unknown.
StoreFault timed_out(const std::string& server, Duration patience);
StoreFault connection_broke(const std::string& server, const std::string& why);

/// The caller called the wait off.
StoreFault interrupted(const std::string& server);

/// What came is not the Redis protocol.
StoreFault not_redis(const std::string& server);

/// The value of the lock key was not written by dlock or a peer.
StoreFault not_a_lock(const std::string& server, const std::string& lock_key);

/// A reply that begins with `-`: each kind has its own sentence, exit code and remedy.
StoreFault error_reply(const std::string& server, const std::string& error);

/// Whether an error reply says that the key is of another type: while a job runs this is an answer
/// (the lock is gone), not silence.
bool is_wrong_type(const std::string& error);

}  // namespace dlock::redis
