#pragma once

#include "core/result.h"
#include "os/fd.h"

#include <string>

namespace dlock {

/// A directory for one socket, which only its owner can enter.
///
/// It is not in XDG_RUNTIME_DIR: cron has none, and a job left running with nohup loses it at
/// logout. /run for root and /tmp for others last as long as the job, and no cleaner removes a
/// socket that is in use.
class SocketDirectory {
 public:
  /// Makes the directory, and removes a few abandoned ones. The error is the reason of a failure.
  static Result<SocketDirectory, std::string> make();

  /// For the supervisor that did not make the directory.
  explicit SocketDirectory(std::string path) : path_(std::move(path)) {}
  SocketDirectory() = default;

  const std::string& path() const { return path_; }
  std::string socket_path() const { return path_ + "/socket"; }

  /// Removes the directory and the socket in it. Both supervisors may call it.
  void remove();

 private:
  std::string path_;
  Fd claim_;  // keeps other runs from treating it as abandoned
};

}  // namespace dlock
