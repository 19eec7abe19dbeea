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
  std::string why;  // for a person
  bool called_off = false;
};

/// Connects to the first address of a server that takes the connection.
///
/// They are tried side by side (RFC 8305): the next one begins 250 ms after the one before, sooner
/// if the deadline is near, and at once when one has failed; then the others are closed. Its name
/// is looked up meanwhile. While that takes long, and when it fails, the addresses that it had
/// before are tried; an address that it does not lead to any more is not.
Result<OpenSocket, DialFailure> dial(ServerAddresses& where, const CallDeadline& deadline);

}  // namespace dlock::redis
