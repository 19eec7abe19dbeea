#pragma once

#include "job/inherited.h"
#include "os/fd.h"
#include "os/timer.h"

namespace dlock::supervise {

/// What a supervisor cannot do its work without. Both have theirs made before the engine is forked:
/// where the system has no room for it, nothing has begun. Throws std::system_error.
struct SupervisorTools {
  Fd signals{make_signal_fd()};
  Timer timer;
};

}  // namespace dlock::supervise
