#pragma once

#include "core/identity.h"
#include "store/inspector.h"

#include <optional>
#include <string>

namespace dlock::operate {

/// What became of the attempt to get a lock that an owner hash names: the five states that the Node
/// library tells apart.
enum class OwnerState { Running, SomeoneElseHoldsLock, NoKey, NoRunningProcess, Malformed };

/// `lock` is that of the hash's key; none if the hash is malformed.
OwnerState state_of(const OwnerHash& owner, const std::optional<LockStatus>& lock);

/// In the library's words: `RUNNING`, ...
std::string name_of(OwnerState state);

/// As `dlock status KEY` would tell of the lock: 75 held by it, 1 its process is dead, 0 free; and
/// 80 if somebody else has it, 64 if that is no owner hash.
int exit_code_of(OwnerState state);

}  // namespace dlock::operate
