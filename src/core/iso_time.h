#pragma once

#include "core/once.h"

#include <optional>
#include <string>
#include <string_view>

namespace dlock {

/// Formats a moment as `2026-01-31T02:00:00.123Z`. A moment outside of the years 0 to 9999 becomes
/// their first or last moment.
std::string iso_of(StoreTime moment);

/// Returns how long ago the recorded moment was by the clock of `now`, and never less than zero,
/// because clocks differ. Nothing if the text is no moment.
std::optional<Duration> since(std::string_view iso, StoreTime now);

/// Parses the output of iso_of, or that of a peer with as many digits; nothing for any other text.
std::optional<StoreTime> parse_iso(std::string_view text);

}  // namespace dlock
