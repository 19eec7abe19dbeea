#pragma once

#include "store/local/members.h"
#include "store/local/queue.h"

#include <string>

namespace dlock::local {

/// The files of one key.
struct LockPlace {
  /// `path` is that of the lock file.
  explicit LockPlace(std::string path);

  std::string lock;
  std::string past_run;
  Members holders;  // if there may be several
  Members waiters;
  Queue queue;
};

}  // namespace dlock::local
