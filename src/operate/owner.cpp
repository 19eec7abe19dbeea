#include "operate/owner.h"

#include "core/ending.h"

#include <algorithm>

namespace dlock::operate {

OwnerState state_of(const OwnerHash& owner, const std::optional<LockStatus>& lock) {
  if (!lock) return OwnerState::Malformed;
  if (lock->state() == LockStatus::State::Free) return OwnerState::NoKey;
  const auto& holders = lock->holders;
  const auto found = std::find_if(holders.begin(), holders.end(),
                                  [&](const HolderStatus& h) { return h.holder.owner == owner; });
  if (found == holders.end()) return OwnerState::SomeoneElseHoldsLock;
  return found->life == HolderStatus::Life::Alive ? OwnerState::Running
                                                  : OwnerState::NoRunningProcess;
}

std::string name_of(OwnerState state) {
  switch (state) {
    case OwnerState::Running:
      return "RUNNING";
    case OwnerState::SomeoneElseHoldsLock:
      return "SOMEONE_ELSE_HOLDS_LOCK";
    case OwnerState::NoKey:
      return "NO_KEY";
    case OwnerState::NoRunningProcess:
      return "NO_RUNNING_PROCESS";
    case OwnerState::Malformed:
      break;
  }
  return "MALFORMED_OWNER_HASH";
}

int exit_code_of(OwnerState state) {
  switch (state) {
    case OwnerState::Running:
      return static_cast<int>(ExitCode::SomeoneElseHoldsLock);
    case OwnerState::SomeoneElseHoldsLock:
      return static_cast<int>(ExitCode::LockLost);
    case OwnerState::NoKey:
      return 0;
    case OwnerState::NoRunningProcess:
      return 1;
    case OwnerState::Malformed:
      break;
  }
  return static_cast<int>(ExitCode::Usage);
}

}  // namespace dlock::operate
