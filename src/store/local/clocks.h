#pragma once

#include "core/once.h"
#include "core/time.h"

#include <cstdint>
#include <string_view>

namespace dlock::local {

/// The boot clock of the whole machine. In a time namespace the process has another boot clock: it
/// fits a lease, which only this run reads, but not a time that is written for other runs.
Instant machine_now();

/// How far the boot clock of a time namespace is ahead of the machine's, from the text of
/// /proc/self/timens_offsets; zero without an entry.
Duration boot_clock_offset(std::string_view timens_offsets);

/// The embedded store uses the wall clock of the machine. If the clock is set back, a value that
/// must grow is counted up from its predecessor.
std::uint64_t microseconds_now();
StoreTime store_time();

}  // namespace dlock::local
