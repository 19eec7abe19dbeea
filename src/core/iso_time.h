#pragma once

#include "core/once.h"

#include <optional>
#include <string>
#include <string_view>

namespace dlock {

/// `2026-01-31T02:00:00.123Z`. What is outside of the years 0 to 9999 is shown as their first or
/// last moment.
std::string iso_of(StoreTime moment);

/// How long ago, by such a clock, that moment was which somebody wrote down: never less than
/// nothing, for clocks differ. Nothing when it is no moment.
std::optional<Duration> since(std::string_view iso, StoreTime now);

/// Reads what iso_of wrote, or a peer with as many digits; nothing when it is anything else.
std::optional<StoreTime> parse_iso(std::string_view text);

}  // namespace dlock
