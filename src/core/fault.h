#pragma once

#include "core/ending.h"

#include <string>

namespace dlock {

/// An operation without a definite result: the store was not asked, could not be reached, or gave
/// neither a yes nor a no. Unless `not_applied` is true, the request may or may not have been
/// applied.
struct StoreFault {
  /// The exit code of dlock if this happens before the job starts.
  ExitCode exit_code = ExitCode::StoreUnavailable;
  /// What happened, to what, and what to do: readable text without secrets.
  std::string sentence;
  /// True if the store certainly applied nothing, so that no unknown lock can be left behind.
  bool not_applied = false;
  /// True if an immediate retry can help: the connection broke or the call timed out.
  bool worth_retrying = false;
  /// True if the connection ended during the request, as when a server or a proxy closes an idle
  /// one. A request that can be repeated safely can be repeated at once over a new connection.
  bool connection_ended = false;
};

}  // namespace dlock
