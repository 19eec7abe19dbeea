#pragma once

#include "core/fd.h"
#include "supervise/inherited.h"
#include "supervise/timer.h"

namespace dlock::supervise {

/// What a supervisor cannot do its work without. Both have theirs made before the engine is forked:
/// where the system has no room for it, nothing has begun. Throws std::system_error.
struct SupervisorTools {
  Fd signals{make_signal_fd()};
  Timer timer;
};

}  // namespace dlock::supervise
