#pragma once

#include "doctor/finding.h"
#include "redis/address.h"
#include "redis/tls_options.h"

namespace dlock::doctor {

// The rules for the line between us and the servers.

/// Whether others can read it, or come in between.
Finding judge_encryption(const RedisAddress& address, const TlsOptions& tls);

/// Whether anybody who reaches the server may change its locks, as far as we can see: we were let
/// in with this login.
Finding judge_login(const RedisAddress& address, const TlsOptions& tls);

}  // namespace dlock::doctor
