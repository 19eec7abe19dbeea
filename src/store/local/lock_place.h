#pragma once

#include "core/holder.h"
#include "core/result.h"
#include "store/local/members.h"
#include "store/local/queue.h"
#include "store/store.h"

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

// What is left of the lock files that were removed from a directory: the greatest fencing token in
// any of them. A token has to be greater than all before it for that key, and the clock, from which
// a key without a file would get it, can be set back.

/// Zero if none was removed yet. Never waits, and never sees half a number.
Result<FencingToken, StoreFault> token_floor_of(const std::string& directory);

/// Makes it at least `token`. False when that cannot be done, or not without waiting for somebody:
/// then the file has to stay.
[[nodiscard]] bool raise_token_floor(const std::string& directory, FencingToken token);

}  // namespace dlock::local
