#pragma once

#include "os/fd.h"

#include <string>
#include <vector>

namespace dlock::local {

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
