#pragma once

#include "core/once.h"
#include "operate/show.h"

#include <string>

namespace dlock::operate {

/// Returns one JSON object on one line; the man page lists its fields under OPERATING. Bytes that
/// are not printable text become `?`.
std::string to_json(const LocksFound& listing, const std::string& store, StoreTime at);

}  // namespace dlock::operate
