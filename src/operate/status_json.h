#pragma once

#include "core/once.h"
#include "operate/show.h"

#include <string>

namespace dlock::operate {

/// One JSON object on one line, whose fields the man page has under OPERATING. Bytes that are not
/// printable text are `?` in it.
std::string to_json(const LocksFound& listing, const std::string& store, StoreTime at);

}  // namespace dlock::operate
