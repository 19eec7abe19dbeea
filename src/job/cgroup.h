#pragma once

#include "core/result.h"
#include "os/fd.h"

#include <string>
#include <string_view>
#include <vector>

namespace dlock {

/// Returns the path of a process in the cgroup v2 hierarchy, from the text of its /proc/PID/cgroup
/// (cgroups(7)). Empty if there is none.
std::string cgroup_path(const std::string& cgroups);

/// Returns the directories that may be the cgroup of that path, from the text of
/// /proc/PID/mountinfo (proc(5)). The newest mount comes first, because it can cover older ones.
/// The hierarchy is not always mounted at /sys/fs/cgroup, and in a container the mount does not
/// always start at its root.
std::vector<std::string> cgroup_directories(const std::string& mountinfo, std::string_view path);

/// A cgroup (version 2) of the job, below the one in which dlock runs. Killing it is immune to fork
/// bombs and reaches processes of other users. A job that is root can leave it, so the walk over
/// the tree always follows.
class Cgroup {
 public:
  /// Makes a cgroup if this user is allowed to; the error is the reason why not.
  static Result<Cgroup, std::string> make();

  /// For the supervisor that did not make the cgroup.
  explicit Cgroup(std::string path) : path_(std::move(path)) {}
  Cgroup() = default;

  bool exists() const { return !path_.empty(); }
  const std::string& path() const { return path_; }

  /// The open directory, into which clone3(2) puts the job. While it is open, no other run treats
  /// the cgroup as abandoned.
  const Fd& directory() const { return directory_; }

  /// Sends SIGKILL to every process in the cgroup at once.
  void kill() const;

  /// Removes the cgroup. This works only when no process is in it.
  void remove();

  /// Removes a few abandoned cgroups beside this one. A cgroup is abandoned if both supervisors of
  /// its run were killed at once.
  void remove_abandoned_neighbours() const;

 private:
  std::string path_;
  Fd directory_;
};

}  // namespace dlock
