#include "store/inspector.h"

#include "os/clock.h"

#include <algorithm>

namespace dlock {

LockStatus::State LockStatus::state() const {
  using Life = HolderStatus::Life;
  if (not_a_lock) return State::NotALock;
  const auto any = [this](std::initializer_list<Life> lives) {
    return std::any_of(holders.begin(), holders.end(), [&](const HolderStatus& holder) {
      return std::find(lives.begin(), lives.end(), holder.life) != lives.end();
    });
  };
  if (any({Life::Alive, Life::Forced})) return State::Held;
  if (any({Life::HeldByMinHold})) return State::HeldByMinHold;
  return holders.empty() ? State::Free : State::Dead;
}

Holder mark_of(const Unlocker& by, const OwnerHash& mark) {
  return {.owner = mark,
          .acquired_at = iso_now(),
          .host = by.host,
          .pid = by.pid,
          .user = by.user,
          .command = by.command};
}

}  // namespace dlock
