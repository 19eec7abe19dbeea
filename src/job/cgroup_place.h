#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dlock {

/// The path of a process in the hierarchy of version 2, by the text of its /proc/PID/cgroup
/// (cgroups(7)). Empty if there is none.
std::string cgroup_path(const std::string& cgroups);

/// The directories that may be the cgroup of that path, by the text of /proc/PID/mountinfo
/// (proc(5)): the newest mount first, for it may cover older ones. It is not always mounted at
/// /sys/fs/cgroup, and in a container not always from its root on.
std::vector<std::string> cgroup_directories(const std::string& mountinfo, std::string_view path);

}  // namespace dlock
