#pragma once

#include "core/call_deadline.h"
#include "core/result.h"
#include "os/fd.h"
#include "redis/server_addresses.h"

#include <string>

namespace dlock::redis {

struct OpenSocket {
  Fd socket;
  SocketAddress peer;
};

struct DialFailure {
  std::string why;  // for a message
  bool cancelled = false;
};

/// Connects to the first address of a server that accepts the connection.
///
/// Attempts overlap (RFC 8305): the next one begins 250 ms after the one before, sooner if the
/// deadline is near, and at once if one has failed; after a success the others are closed. The name
/// is looked up in parallel. While the look-up takes long, and if it fails, the earlier addresses
/// are tried; an address that the name no longer has is not.
Result<OpenSocket, DialFailure> dial(ServerAddresses& where, const CallDeadline& deadline);

}  // namespace dlock::redis
