#pragma once

#include "core/identity.h"
#include "store/inspector.h"

#include <optional>
#include <string>

namespace dlock::operate {

/// The state of an attempt to acquire the lock of an owner hash: the five states that the Node
/// library distinguishes.
enum class OwnerState { Running, SomeoneElseHoldsLock, NoKey, NoRunningProcess, Malformed };

/// `lock` is the lock of the hash's key; nothing if the hash is malformed.
OwnerState state_of(const OwnerHash& owner, const std::optional<LockStatus>& lock);

/// The name of the state in the library: `RUNNING`, ...
std::string name_of(OwnerState state);

/// The exit code, as `dlock status KEY` returns it for the lock: 75 this owner holds it, 1 its
/// process is dead, 0 free; and 80 if another owner has it, 64 if the text is no owner hash.
int exit_code_of(OwnerState state);

}  // namespace dlock::operate
