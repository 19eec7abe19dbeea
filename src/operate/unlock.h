#pragma once

#include "core/identity.h"
#include "core/log.h"
#include "store/inspector.h"

#include <functional>

namespace dlock::operate {

/// Who frees a lock: this process, and its user.
Unlocker make_unlocker(bool by_force);

/// How a lock is freed.
struct Unlocking {
  LockKey key;
  Unlocker by;
  Duration timeout = std::chrono::seconds{5};  // for each answer of the store
  /// Asked before a lock is taken from somebody who lives; false: leave it. None: nobody is asked.
  std::function<bool(const std::string& question)> ask = {};
};

/// What is printed of it, and how dlock ends.
struct Unlocked {
  std::string sentence;
  int exit_code = 0;
};

/// Frees the lock, and waits until it is free: when it was taken by force, until its holders have
/// confirmed that their jobs are gone, or cannot run any more.
Result<Unlocked, StoreFault> unlock(Inspector& inspector, const Unlocking& how, Log& log);

}  // namespace dlock::operate
