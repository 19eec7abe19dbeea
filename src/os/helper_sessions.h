#pragma once

#include <set>
#include <sys/types.h>

namespace dlock {

// The programs that a store runs beside the job, such as the password command: children of the same
// process, each in a session of its own, which distinguishes them and their descendants from the
// job. Thread-safe.

void add_helper_session(pid_t leader);
/// Call before another process can get its number: whatever is left of the session then counts as
/// part of the job.
void remove_helper_session(pid_t leader);

/// The current sessions.
std::set<pid_t> helper_sessions();

}  // namespace dlock
