#pragma once

#include "os/fd.h"

#include <memory>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace dlock::local {

/// Waits for one of several kernel locks to be free.
///
/// A wait in flock(2) has no deadline, and only a signal ends it; a thread of ours that hung in one
/// would be there when the job is forked. So a process of its own waits for each, on the open file
/// that it has from us: what it gets is ours, and killing it ends the wait. The kernel serves those
/// who wait for one file in the order in which they came.
///
/// Main thread only, while there is no other.
class LockWait {
 public:
  struct For {
    int fd;
    int operation;  // LOCK_SH or LOCK_EX
  };

  /// Nothing if there is no descriptor or no process to be had.
  static std::unique_ptr<LockWait> start(const std::vector<For>& locks);
  ~LockWait();
  LockWait(const LockWait&) = delete;
  LockWait& operator=(const LockWait&) = delete;

  /// Readable when one of the locks has been got: which one, the caller finds by trying.
  int fd() const { return news_.number(); }

  /// Whether no process waits any more: what is left of them is their exit, which the destructor
  /// awaits.
  bool over();

 private:
  explicit LockWait(Fd news) : news_(std::move(news)) {}
  void end();

  Fd news_;
  std::vector<pid_t> waiting_;
  std::size_t done_ = 0;
};

/// Notices at once when one of several files is written, removed or replaced.
///
/// A comfort only: a user has a limit of such watches (fs.inotify.max_user_instances), and beyond
/// it nothing is noticed.
class FileWatch {
 public:
  explicit FileWatch(const std::vector<std::string>& paths);

  /// Readable when something has happened; -1 if nothing can be noticed.
  int fd() const { return fd_.number(); }
  void forget_what_happened();

 private:
  Fd fd_;
};

}  // namespace dlock::local
