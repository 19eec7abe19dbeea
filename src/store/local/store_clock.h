#pragma once

#include "core/once.h"

#include <cstdint>

namespace dlock::local {

/// The clock of the embedded store is the wall clock of the machine. What must go up counts from
/// the one before it on, should the clock go back.
std::uint64_t microseconds_now();
StoreTime store_time();

}  // namespace dlock::local
