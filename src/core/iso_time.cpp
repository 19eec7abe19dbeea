#include "core/iso_time.h"

#include "core/time.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace dlock {

using namespace std::chrono;

/// The first and the last moment with a year of four digits, in ms.
constexpr std::int64_t first_written = -62'167'219'200'000;
constexpr std::int64_t last_written = 253'402'300'799'999;

// Uses the calendar of <chrono>, not gmtime(3), which reads the time zone file at every start.
std::string iso_of(StoreTime moment) {
  const sys_time<milliseconds> time_point{
      milliseconds{std::clamp<std::int64_t>(moment.ms, first_written, last_written)}};
  const auto midnight = floor<days>(time_point);
  const year_month_day date{midnight};
  const hh_mm_ss time{time_point - midnight};
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                static_cast<int>(time.subseconds().count()));
  return text;
}

std::optional<Duration> since(std::string_view iso, StoreTime now) {
  const auto moment = parse_iso(iso);
  if (!moment) return {};
  // The clock is limited to the last moment that can be written down.
  const std::int64_t passed = std::clamp<std::int64_t>(now.ms, 0, last_written) - moment->ms;
  return bounded(milliseconds{std::max<std::int64_t>(passed, 0)});
}

std::optional<StoreTime> parse_iso(std::string_view text) {
  constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd.dddZ";
  if (text.size() != shape.size()) return {};
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (shape[i] == 'd' ? !digit : text[i] != shape[i]) return {};
  }
  const auto number = [&](std::size_t at, std::size_t length) {
    int value = 0;
    for (const char c : text.substr(at, length)) value = value * 10 + (c - '0');
    return value;
  };
  const year_month_day date{year{number(0, 4)}, month{static_cast<unsigned>(number(5, 2))},
                            day{static_cast<unsigned>(number(8, 2))}};
  const hours hour{number(11, 2)};
  const minutes minute{number(14, 2)};
  const seconds second{number(17, 2)};
  if (!date.ok() || hour >= days{1} || minute >= hours{1} || second >= minutes{1}) return {};
  const auto time = sys_days{date} + hour + minute + second + milliseconds{number(20, 3)};
  return StoreTime{duration_cast<milliseconds>(time.time_since_epoch()).count()};
}

}  // namespace dlock
