#pragma once

#include "core/holder.h"
#include "core/once.h"
#include "core/time.h"

#include <optional>
#include <string>
#include <vector>

namespace dlock {

/// One of those that hold a lock, as its store sees it at one moment.
struct HolderStatus {
  enum class Life {
    Alive,
    Dead,      // it has not shown for too long that it lives: the next one who asks takes the lock
    OnlyKept,  // it has ended, and --min-hold keeps the lock
    Forced,    // it was told to let go, and has not confirmed yet that its job is gone
  };
  Holder holder;
  Life life = Life::Alive;
  std::optional<Duration> held_for = {};    // by the clock of the store, as far as it is known
  std::optional<Duration> silent_for = {};  // since it showed that it lives
  std::optional<Duration> ends_in = {};     // if it does not show so again, or is only kept
};

/// A lock, as its store sees it at one moment. Bytes come from the store: show them through
/// printable() only.
struct LockStatus {
  enum class State {
    Free,
    Dead,     // all of its holders are
    Kept,     // only --min-hold keeps it
    Held,     // somebody lives who holds it
    NotALock  // something else has its name
  };

  std::string key;
  std::vector<HolderStatus> holders = {};
  std::vector<Holder> waiters = {};  // the first hundred, in their order
  std::size_t waiting = 0;           // how many there are
  std::optional<Duration> ends_in = {};
  std::optional<PastRun> past_run = {};
  bool not_a_lock = false;

  State state() const;
};

}  // namespace dlock
