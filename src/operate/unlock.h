#pragma once

#include "core/identity.h"
#include "core/log.h"
#include "store/inspector.h"

#include <functional>

namespace dlock::operate {

/// The one who frees a lock: this process, and its user.
Unlocker make_unlocker(bool by_force);

/// How to free a lock.
struct Unlocking {
  LockKey key;
  Unlocker by;
  Duration timeout = std::chrono::seconds{5};  // for each call to the store
  /// Called before a lock is taken from a live holder; false: leave the lock. Empty: do not ask.
  std::function<bool(const std::string& question)> ask = {};
};

/// The text to print, and the exit code of dlock.
struct Unlocked {
  std::string sentence;
  int exit_code = 0;
};

/// Frees the lock, and waits until it is free. After a forced unlock it waits until the holders
/// have confirmed that their jobs are gone, or until they can no longer run.
Result<Unlocked, StoreFault> unlock(Inspector& inspector, const Unlocking& how, Log& log);

}  // namespace dlock::operate
