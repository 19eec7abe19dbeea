#pragma once

#include "core/exit_code.h"
#include "core/result.h"
#include "core/time.h"

#include <string>

namespace dlock {

/// Why the job should stop, or its report did not arrive.
struct HeartbeatRefusal {
  ExitCode code;
  std::string sentence;  // for a person
};

/// Reports progress to the dlock that runs us, at that socket, and asks whether the lock is still
/// the job's own. Gives up at `until`: a dlock that is stopped says nothing.
Result<Done, HeartbeatRefusal> send_heartbeat(const std::string& socket, Instant until);

}  // namespace dlock
