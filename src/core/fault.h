#pragma once

#include "core/ending.h"

#include <string>

namespace dlock {

/// The lack of an answer: the store was not asked, could not be reached, or did not say yes or no.
/// The request may or may not have been applied unless `not_applied` says so.
struct StoreFault {
  /// The code with which dlock ends if this happens before the job starts.
  ExitCode exit_code = ExitCode::StoreUnavailable;
  /// What happened, to what, and what to do: fit for a person, free of secrets.
  std::string sentence;
  /// True if the store certainly did nothing, so that no ghost of a lock can be left behind.
  bool not_applied = false;
  /// True if trying again at once may help: the connection broke or the time ran out.
  bool worth_retrying = false;
  /// True if the connection ended under the request: what a server or a proxy does to one that was
  /// idle. Whoever may ask twice need not wait before asking over a new one.
  bool connection_ended = false;
};

}  // namespace dlock
