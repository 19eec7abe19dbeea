#pragma once

#include "core/log.h"
#include "operate/look.h"

#include <functional>
#include <string>

namespace dlock::operate {

/// Writes to stdout; false if that cannot be done, which it has told.
using Print = std::function<bool(const std::string& text)>;

/// Prints what `look` finds, once or again and again. Returns the exit code of the state that it
/// has shown last, see exit_code_of; that of a system error if it could not print. While it goes on
/// again and again, a silent store is told of and asked again. Also a fault, when it has shown what
/// it could see and locks may be missing.
Result<int, StoreFault> show(Inspector& inspector, const Query& query, const View& view,
                             const Print& print, Log& log);

}  // namespace dlock::operate
