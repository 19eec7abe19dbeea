#pragma once

#include "core/result.h"
#include "os/fd.h"

#include <string>

namespace dlock {

/// A directory for one socket, which nobody but its owner can enter.
///
/// Not in XDG_RUNTIME_DIR: cron has none, and what a user leaves running with nohup loses it at the
/// logout. /run for root and /tmp for others are there for as long as the job, and no cleaner takes
/// a socket away that is in use.
class SocketDirectory {
 public:
  /// Removes a few that were left there, too. The error says why not.
  static Result<SocketDirectory, std::string> make();

  /// For the supervisor that did not make it.
  explicit SocketDirectory(std::string path) : path_(std::move(path)) {}
  SocketDirectory() = default;

  const std::string& path() const { return path_; }
  std::string socket_path() const { return path_ + "/socket"; }

  /// Takes it away with the socket in it. May be called by both supervisors.
  void remove();

 private:
  std::string path_;
  Fd claim_;  // no other run takes it for abandoned meanwhile
};

}  // namespace dlock
