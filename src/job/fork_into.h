#pragma once

#include <sys/types.h>

namespace dlock {

/// fork(2) into new namespaces (CLONE_NEW... of clone(2)) and into the cgroup of an open directory,
/// if it is not negative: joining a cgroup later would wait for a grace period of the kernel.
/// Returns what fork(2) returns.
///
/// No handler of pthread_atfork(3) runs, so the child may call only what is safe in a signal
/// handler (signal-safety(7)), and allocates nothing.
pid_t fork_into(unsigned long long namespaces, int cgroup_directory = -1);

}  // namespace dlock
