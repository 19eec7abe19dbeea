#pragma once

#include "core/result.h"
#include "core/time.h"

#include <string>
#include <string_view>

namespace dlock {

/// Reads a duration as users of flock and timeout write it: a number with a unit (`500ms`, `30s`,
/// `5m`, `2h`, `1d`, also `1.5s`), or a bare number of seconds. Leading zeros mean nothing: `010s`
/// is ten seconds. The error is the half sentence that comes after the option and its value.
Result<Duration, std::string> parse_duration(std::string_view text);

/// The shortest spelling that parse_duration reads back as the same value, to the millisecond.
std::string to_text(Duration duration);

}  // namespace dlock
