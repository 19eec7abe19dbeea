#pragma once

#include "core/once.h"
#include "core/time.h"

#include <cstdint>
#include <string_view>

namespace dlock::local {

/// The boot clock as the whole machine has it. In a time namespace ours is another: fit for a
/// lease, which nobody else reads, and not for a moment that is written down for others.
Instant machine_now();

/// By how much the boot clock of a namespace is ahead of the machine's, as
/// /proc/self/timens_offsets says; nothing of that kind is no difference.
Duration boot_clock_offset(std::string_view timens_offsets);

/// The clock of the embedded store is the wall clock of the machine. What must go up counts from
/// the one before it on, should the clock go back.
std::uint64_t microseconds_now();
StoreTime store_time();

}  // namespace dlock::local
