#pragma once

#include "core/result.h"
#include "os/fd.h"

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

/// A cgroup (version 2) of the job's own, below the one in which dlock runs. Killing it is immune
/// to fork bombs and reaches processes of other users; but a job that is root can leave it, so the
/// walk over the tree follows always.
class Cgroup {
 public:
  /// Makes it if this user may. The error says why not.
  static Result<Cgroup, std::string> make();

  /// For the supervisor that did not make it.
  explicit Cgroup(std::string path) : path_(std::move(path)) {}
  Cgroup() = default;

  bool exists() const { return !path_.empty(); }
  const std::string& path() const { return path_; }

  /// The directory, open: where clone3(2) is to put the job. While it is open no other run takes
  /// the cgroup for abandoned.
  const Fd& directory() const { return directory_; }

  /// SIGKILL to every process in it, at once.
  void kill() const;

  /// Removes it, which works when no process is in it.
  void remove();

  /// Removes a few of those beside it that no run has any more, for both of its supervisors were
  /// killed at once.
  void remove_abandoned_neighbours() const;

 private:
  std::string path_;
  Fd directory_;
};

}  // namespace dlock
