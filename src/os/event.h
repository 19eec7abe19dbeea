#pragma once

#include "os/fd.h"

namespace dlock {

/// An eventfd: by which one thread wakes another that polls. Throws std::system_error.
Fd make_event_fd();

/// Makes it readable, until somebody reads it.
void wake(const Fd& event);

}  // namespace dlock
