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
  /// `path` is that of the lock file, anywhere below the store's directory.
  LockPlace(std::string directory_of_store, std::string path);

  std::string directory;  // of the store
  std::string lock;
  std::string past_run;
  Members holders;  // if there can be several
  Members waiters;
  Queue queue;

  /// Removes the lock file, the directories beside it and those of a long key, if the lock has no
  /// holder and no waiter. Its last token is then kept in the directory's token floor. False if a
  /// part of it has to stay.
  ///
  /// The caller must have the exclusive kernel lock on that file, in place, and need nothing of it
  /// except the token. That makes the removal safe: a run that has the file open and gets the
  /// kernel lock afterwards sees that the file is no longer in place, and starts over.
  bool forget(const LockFile& file, FencingToken last) const;
};

// The remains of the lock files that were removed from a directory: the greatest fencing token in
// any of them. A token has to be greater than all earlier ones of its key, and the clock, which
// supplies the token of a key without a file, can be set back.

/// Zero if none was removed yet. Never blocks, and never reads a partial number.
Result<FencingToken, StoreFault> token_floor_of(const std::string& directory);

/// Raises the floor to at least `token`. False if that fails or would block: then the file has to
/// stay.
[[nodiscard]] bool raise_token_floor(const std::string& directory, FencingToken token);

}  // namespace dlock::local
