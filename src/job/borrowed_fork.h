#pragma once

#include <cstddef>
#include <span>
#include <sys/types.h>

namespace dlock {

/// Starts a child that runs `child(argument)`, which must exec or _exit and never return. Returns
/// its pid, or -1 with errno.
///
/// The child borrows our memory, as that of vfork(2) does: no page is copied, which takes a fifth
/// of the time of a whole run off a short job. But it has a stack of its own, and we do not stand
/// still: an exec may hang, as on a dead file server, and renewals and signals go on meanwhile. So
///
/// - the child allocates nothing, and what it reads and `stack` stay as they are until it has gone;
/// - errno is one for both: until the caller knows that the child makes bare_call only, it waits.
///
/// `cgroup_directory`, if not negative, is the cgroup in which the child starts: joining later
/// would wait for a grace period of the kernel's. That takes clone3(2), for which glibc has no
/// wrapper.
pid_t borrowed_fork(void (*child)(void*), void* argument, std::span<std::byte> stack,
                    int cgroup_directory);

}  // namespace dlock
