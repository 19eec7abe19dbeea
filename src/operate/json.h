#pragma once

#include "core/once.h"
#include "store/lock_status.h"

#include <string>
#include <vector>

namespace dlock::operate {

/// One JSON object on one line, whose fields the man page has under OPERATING. Bytes that are not
/// printable text are `?` in it.
std::string to_json(const std::vector<LockStatus>& locks, const std::string& store, StoreTime at);

}  // namespace dlock::operate
