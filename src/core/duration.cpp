#include "core/duration.h"

#include <algorithm>
#include <array>
#include <optional>

namespace dlock {
namespace {

using namespace std::chrono_literals;

struct Unit {
  std::string_view name;
  Duration length;
};
constexpr std::array<Unit, 5> units{{{"d", 24h}, {"h", 1h}, {"m", 1min}, {"s", 1s}, {"ms", 1ms}}};

/// Longer than any useful lease, and far below the overflow of nanoseconds.
constexpr Duration longest = 365 * 24h;

const std::string how_to_write = "write a number with a unit: 500ms, 30s, 5m, 1h30m or 1d";
const std::string too_long = "is too long; the maximum is 365d";

/// Removes and returns the first `count` characters.
std::string_view take(std::string_view& text, std::size_t count) {
  const std::string_view taken = text.substr(0, count);
  text.remove_prefix(taken.size());
  return taken;
}

/// Parses a number such as 90, 1.5 or .5 of that unit; nothing if it is no number. A result beyond
/// `longest` is not exact.
std::optional<Duration> amount_of(std::string_view number, Duration unit) {
  const std::string_view whole = take(number, number.find('.'));
  const std::string_view fraction = number.empty() ? number : number.substr(1);
  if (whole.empty() && fraction.empty()) return {};
  if (fraction.find('.') != fraction.npos) return {};

  // Uses integers, digit by digit: floating point would load libm only for values such as 1.5s.
  Duration duration{0};
  for (const char digit : whole) {
    duration = duration * 10 + (digit - '0') * unit;
    if (duration > longest) return duration;
  }
  Duration place = unit;
  for (const char digit : fraction) duration += (digit - '0') * (place /= 10);
  return duration;
}

}  // namespace

Result<Duration, std::string> parse_duration(std::string_view text) {
  if (text.starts_with('-')) return "is negative; " + how_to_write;
  const std::string no_duration = "is not a duration; " + how_to_write;
  if (text.empty()) return no_duration;
  Duration sum{0};
  auto larger_units = units.begin();  // the units that may follow are behind it
  const bool bare = text.find_first_not_of("0123456789.") == text.npos;
  while (!text.empty()) {
    const std::string_view number = take(text, text.find_first_not_of("0123456789."));
    const std::string_view name = bare ? "s" : take(text, text.find_first_of("0123456789."));
    const auto unit = std::find_if(larger_units, units.end(),
                                   [name](const Unit& known) { return known.name == name; });
    if (unit == units.end()) return no_duration;
    larger_units = unit + 1;
    // Only the last of several numbers may have a fraction: 1.5h30m is a mistake.
    if (!text.empty() && number.find('.') != number.npos) return no_duration;
    const auto duration = amount_of(number, unit->length);
    if (!duration) return no_duration;
    sum += *duration;
    if (sum > longest) return too_long;
  }
  return sum;
}

std::string to_text(Duration duration) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  if (ms == 0) return "0s";
  if (ms % 1000 != 0 && ms < 10'000 && ms % 100 == 0) {
    return std::to_string(ms / 1000) + "." + std::to_string(ms % 1000 / 100) + "s";
  }
  // The last unit always fits.
  const auto unit = std::find_if(units.begin(), units.end(),
                                 [ms](const Unit& one) { return ms % whole_ms(one.length) == 0; });
  return std::to_string(ms / whole_ms(unit->length)) + std::string{unit->name};
}

}  // namespace dlock
