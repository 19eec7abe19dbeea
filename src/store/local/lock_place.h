#pragma once

#include "store/local/members.h"
#include "store/local/queue.h"

#include <string>

namespace dlock::local {

/// The files of one key.
struct LockPlace {
  /// `path` is that of the lock file, somewhere in the store's directory.
  LockPlace(std::string directory_of_store, std::string path);

  std::string directory;  // of the store
  std::string lock;
  std::string past_run;
  Members holders;  // if there may be several
  Members waiters;
  Queue queue;

  /// Removes the lock file, the directories beside it and those of a long key, when nobody holds or
  /// waits for the lock; its last token is then in the directory's floor. False when something has
  /// to stay.
  ///
  /// For the one who has the exclusive kernel lock on that file, in its place, and knows that no
  /// more of it is needed than the token. That lock is the proof: whoever has the file open and
  /// gets the kernel lock afterwards sees that it is not in its place any more, and starts over.
  bool forget(const LockFile& file, FencingToken last) const;
};

}  // namespace dlock::local
