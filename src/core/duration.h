#pragma once

#include "core/result.h"
#include "core/time.h"

#include <string>
#include <string_view>

namespace dlock {

/// Parses a duration in the form that flock and timeout use: a number with a unit (`500ms`, `30s`,
/// `5m`, `2h`, `1d`, also `1.5s`), or a bare number of seconds. Leading zeros are ignored: `010s`
/// is ten seconds. The error is the part of the sentence that follows the option and its value.
Result<Duration, std::string> parse_duration(std::string_view text);

/// Returns the shortest text that parse_duration reads as the same value, to the millisecond.
std::string to_text(Duration duration);

}  // namespace dlock
