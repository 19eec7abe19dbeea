#pragma once

#include "core/holder.h"
#include "core/result.h"
#include "store/store.h"

#include <string>

namespace dlock::local {

// What is left of the lock files that were removed from a directory: the greatest fencing token in
// any of them. A token has to be greater than all before it for that key, and the clock, from which
// a key without a file would get it, can be set back.

/// Zero if none was removed yet. Never waits, and never sees half a number.
Result<FencingToken, StoreFault> token_floor_of(const std::string& directory);

/// Makes it at least `token`. False when that cannot be done, or not without waiting for somebody:
/// then the file has to stay.
[[nodiscard]] bool raise_token_floor(const std::string& directory, FencingToken token);

}  // namespace dlock::local
