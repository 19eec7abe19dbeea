#pragma once

#include "core/result.h"
#include "os/fd.h"

#include <string>
#include <utility>

namespace dlock {

/// A cgroup (version 2) of the job, below the one in which dlock runs. Killing it is immune to fork
/// bombs and reaches processes of other users. A job that is root can leave it, so the walk over
/// the tree always follows.
class Cgroup {
 public:
  /// Makes a cgroup if this user is allowed to; the error is the reason why not.
  static Result<Cgroup, std::string> make();

  /// For the supervisor that did not make the cgroup, with the open directory.
  Cgroup(std::string path, Fd directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}
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
