#pragma once

#include <set>
#include <sys/types.h>

namespace dlock {

// Programs that a store runs beside the job, such as the password command: children of the same
// process, each in a session of its own, by which they and what they start are told from the job.
// Thread-safe.

void add_helper_session(pid_t leader);
/// Before its number may be that of somebody else: what is left of it by then counts as the job's.
void remove_helper_session(pid_t leader);

/// Those of now.
std::set<pid_t> helper_sessions();

}  // namespace dlock
