#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dlock {

/// Returns the directory of the cgroup (version 2) of this process; empty if it cannot be seen.
std::string own_cgroup_directory();

/// Returns the path of a process in the cgroup v2 hierarchy, from the text of its /proc/PID/cgroup
/// (cgroups(7)). Empty if there is none.
std::string cgroup_path(std::string_view cgroups);

/// Returns the directories that may be the cgroup of that path, from the text of
/// /proc/PID/mountinfo (proc(5)). The newest mount comes first, because it can cover older ones.
/// The hierarchy is not always mounted at /sys/fs/cgroup, and in a container the mount does not
/// always start at its root.
std::vector<std::string> cgroup_directories(const std::string& mountinfo, std::string_view path);

}  // namespace dlock
