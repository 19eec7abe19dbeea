#pragma once

#include <sys/types.h>

namespace dlock::supervise {

/// Starts a child that runs `child(argument)`, which must exec or _exit and never return. Returns
/// its pid, or -1 with errno.
///
/// As vfork(2): the child borrows our memory, and we stand still until it has left it by exec or
/// _exit. No page is copied, which takes a fifth of the time of a whole run off a short job. So the
/// child must change nothing that we use, nor allocate. Should exec hang, as on a dead file server,
/// we hang with it and the front's deadline ends us both.
///
/// `cgroup_directory`, if not negative, is the cgroup in which the child starts: joining later
/// would wait for a grace period of the kernel's. That takes clone3(2), for which glibc has no
/// wrapper.
pid_t borrowed_fork(void (*child)(void*), void* argument, int cgroup_directory);

}  // namespace dlock::supervise
