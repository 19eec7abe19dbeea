#pragma once

#include "core/time.h"

#include <string_view>

namespace dlock::local {

/// The boot clock as the whole machine has it. In a time namespace ours is another: fit for a
/// lease, which nobody else reads, and not for a moment that is written down for others.
Instant machine_now();

/// By how much the boot clock of a namespace is ahead of the machine's, as
/// /proc/self/timens_offsets says; nothing of that kind is no difference.
Duration boot_clock_offset(std::string_view timens_offsets);

}  // namespace dlock::local
