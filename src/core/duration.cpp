#include "core/duration.h"

#include <array>
#include <charconv>

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
  const auto digits_end = text.find_first_not_of("0123456789.");
  const std::string_view number = text.substr(0, digits_end);
  std::string_view unit_name = digits_end == text.npos ? "s" : text.substr(digits_end);
  if (text.starts_with('-')) return std::string{"is negative: " + how_to_write};

  const Unit* unit = nullptr;
  for (const Unit& known : units) {
    if (known.name == unit_name) unit = &known;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value,
                                            std::chars_format::fixed);
  const bool whole_number_read = error == std::errc{} && end == number.data() + number.size();
  if (number.empty() || !unit || (!whole_number_read && error != std::errc::result_out_of_range)) {
    return std::string{"is not a duration: " + how_to_write};
  }
  const double nanoseconds = value * static_cast<double>(unit->length.count());
  if (error != std::errc{} || nanoseconds > static_cast<double>(longest.count())) {
    return std::string{"is too long: the most is 365d"};
  }
  return Duration{static_cast<Duration::rep>(nanoseconds + 0.5)};  // llround would load libm
}

std::string to_text(Duration duration) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  if (ms == 0) return "0s";
  if (ms % 1000 != 0 && ms < 10'000 && ms % 100 == 0) {
    return std::to_string(ms / 1000) + "." + std::to_string(ms % 1000 / 100) + "s";
  }
  for (const Unit& unit : units) {
    const auto length = whole_ms(unit.length);
    if (ms % length == 0) return std::to_string(ms / length) + std::string{unit.name};
  }
  return std::to_string(ms) + "ms";
}

}  // namespace dlock
