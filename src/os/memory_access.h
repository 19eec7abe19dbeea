#pragma once

namespace dlock {

/// Whether this process's memory can be seen by others than root: as a core file, in /proc, and by
/// who traces it. Hidden while there may be a password in it.
///
/// What a fork makes is hidden as well; what exec makes is not. So a job is as it would be without
/// dlock, which the limit of core files, being inherited, would not leave it.
///
/// While hidden, our files in /proc belong to root. Those that are read by everybody stay so, and
/// our own descriptors we may list; what is to be written there needs Shown (see pid_namespace).
enum class MemoryAccess { Hidden, Shown };

/// Returns what it was before.
MemoryAccess set_memory_access(MemoryAccess wanted);

}  // namespace dlock
