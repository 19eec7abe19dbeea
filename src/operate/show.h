#pragma once

#include "core/log.h"
#include "operate/look.h"

namespace dlock::operate {

/// Prints on stdout what `look` finds, once or again and again. Returns the exit code of the state
/// that it has shown last, see exit_code_of. While it goes on again and again, a silent store is
/// told of and asked again.
Result<int, StoreFault> show(Inspector& inspector, const Query& query, const View& view, Log& log);

}  // namespace dlock::operate
