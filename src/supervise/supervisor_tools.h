#pragma once

#include "job/inherited.h"
#include "os/fd.h"
#include "os/timer.h"

namespace dlock::supervise {

/// The resources without which a supervisor cannot work. Those of both supervisors are made before
/// the engine is forked, so a lack of resources is found before anything has begun. Throws
/// std::system_error.
struct SupervisorTools {
  Fd signals{make_signal_fd()};
  Timer timer;
};

}  // namespace dlock::supervise
