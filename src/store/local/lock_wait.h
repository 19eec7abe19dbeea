#pragma once

#include "os/fd.h"

#include <memory>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace dlock::local {

/// Waits until one of several kernel locks is free.
///
/// A wait in flock(2) has no timeout, only a signal interrupts it, and a thread that blocked in it
/// would still exist when the job is forked. So one child process for each lock waits on the open
/// file that it inherits: the lock that it gets belongs to this process, too, and killing the child
/// ends the wait. The kernel serves the waiters of a file in the order of their arrival.
///
/// Main thread only, while it is the only thread.
class LockWait {
 public:
  struct For {
    int fd;
    int operation;  // LOCK_SH or LOCK_EX
  };

  /// Null if no descriptor or no process is available.
  static std::unique_ptr<LockWait> start(const std::vector<For>& locks);
  ~LockWait();
  LockWait(const LockWait&) = delete;
  LockWait& operator=(const LockWait&) = delete;

  /// Readable when one of the locks has been acquired. The caller finds out which by trying them.
  int fd() const { return news_.number(); }

  /// Whether no child waits any more: all that remains is their exit, for which the destructor
  /// waits.
  bool over();

 private:
  explicit LockWait(Fd news) : news_(std::move(news)) {}
  void end();

  Fd news_;
  std::vector<pid_t> waiting_;
  std::size_t done_ = 0;
};

/// Reports at once when one of several files is written, removed or replaced.
///
/// Best effort: the number of such watches per user is limited (fs.inotify.max_user_instances), and
/// beyond it nothing is reported.
class FileWatch {
 public:
  explicit FileWatch(const std::vector<std::string>& paths);

  /// Readable after an event; -1 if events are not available.
  int fd() const { return fd_.number(); }
  void forget_what_happened();

 private:
  Fd fd_;
};

}  // namespace dlock::local
