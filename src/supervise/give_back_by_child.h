#pragma once

#include "os/fd.h"
#include "store/open.h"
#include "supervise/give_back.h"

#include <vector>

namespace dlock::supervise {

/// Gives a lock back that another process of this run has got, or was about to get, and takes it
/// out of the queue: what the engine would do, were it not dead. Only when no process of the job is
/// left. `witnesses` are all that the engine has sent.
///
/// By a child, which a store may hold up as long as it likes: some time after its patience it is
/// killed. It is nobody's charge but ours, so that the lock is given back even if we are killed
/// meanwhile. False if the lock may be taken still, and ends by itself.
bool give_back_by_child(const StoreOptions& store, const Claim& claim, std::vector<Fd> witnesses,
                        const GiveBack& how, Log& log);

}  // namespace dlock::supervise
