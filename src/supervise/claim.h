#pragma once

#include "store/inspector.h"
#include "store/store.h"
#include "supervise/run.h"

#include <sys/types.h>

namespace dlock::supervise {

/// What this run wants from the store, and what it tells there about itself: fit to be read by
/// others, so without control characters and without the secrets of URLs in the job's command.
Claim make_claim(const RunOptions& options, pid_t front);

/// Who frees a lock: this process, and its user.
Unlocker make_unlocker(bool by_force);

}  // namespace dlock::supervise
