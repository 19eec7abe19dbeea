#include "core/duration.h"

#include <algorithm>
#include <array>

namespace dlock {
namespace {

using namespace std::chrono_literals;

struct Unit {
  std::string_view name;
  Duration length;
};
constexpr std::array<Unit, 5> units{{{"d", 24h}, {"h", 1h}, {"m", 1min}, {"s", 1s}, {"ms", 1ms}}};

/// Longer than any lease makes sense for, and far from where nanoseconds overflow.
constexpr Duration longest = 365 * 24h;

const std::string how_to_write = "write a number with a unit: 500ms, 30s, 5m, 2h or 1d";

}  // namespace

Result<Duration, std::string> parse_duration(std::string_view text) {
  if (text.starts_with('-')) return "is negative: " + how_to_write;
  const auto unit_at = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view number = text.substr(0, unit_at);
  const std::string_view unit_name = unit_at == text.size() ? "s" : text.substr(unit_at);
  const Unit* unit = nullptr;
  for (const Unit& known : units) {
    if (known.name == unit_name) unit = &known;
  }
  const auto point = std::min(number.find('.'), number.size());
  const std::string_view whole = number.substr(0, point);
  const std::string_view fraction = number.substr(std::min(point + 1, number.size()));
  if (unit == nullptr || whole.empty() || fraction.find('.') != fraction.npos) {
    return "is not a duration: " + how_to_write;
  }

  // In integers, digit by digit: floating point would load libm for the sake of 1.5s.
  const std::string too_long = "is too long: the most is 365d";
  Duration duration{0};
  for (const char digit : whole) {
    duration = duration * 10 + (digit - '0') * unit->length;
    if (duration > longest) return too_long;
  }
  Duration place = unit->length;
  for (const char digit : fraction) duration += (digit - '0') * (place /= 10);
  if (duration > longest) return too_long;
  return duration;
}

std::string to_text(Duration duration) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  if (ms == 0) return "0s";
  if (ms % 1000 != 0 && ms < 10'000 && ms % 100 == 0) {
    return std::to_string(ms / 1000) + "." + std::to_string(ms % 1000 / 100) + "s";
  }
  // The last of them fits always.
  const auto unit = std::find_if(units.begin(), units.end(),
                                 [ms](const Unit& one) { return ms % whole_ms(one.length) == 0; });
  return std::to_string(ms / whole_ms(unit->length)) + std::string{unit->name};
}

}  // namespace dlock
