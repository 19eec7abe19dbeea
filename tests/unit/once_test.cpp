// --once-per for a year of starts by cron.
#include "core/once.h"

#include <doctest/doctest.h>

#include <array>
#include <optional>

using namespace dlock;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds year = 365 * 24h;

/// The errors of the machines' clocks against that of the store, for successive starts. Each pair
/// of successive errors occurs.
constexpr std::array errors{0ms,    1000ms, -1000ms, 20ms,   -20ms, 0ms,    -1000ms, -1000ms,
                            1000ms, 1000ms, 0ms,     -20ms,  20ms,  1000ms, -20ms,   -1000ms,
                            20ms,   20ms,   0ms,     1000ms, 20ms,  -1000ms};

/// Two machines start the job every `period`, `phase` after the start of the slot, with these
/// errors. It must run once in each period; returns the first period in which it did not.
std::optional<std::int64_t> first_odd_period(milliseconds period, milliseconds phase) {
  const OncePer once{period};
  std::optional<StoreTime> last_run;
  std::size_t next_error = 0;
  for (std::int64_t number = 20'000; number < 20'000 + year / period; ++number) {
    int runs = 0;
    for (int machine = 0; machine < 2; ++machine) {
      const milliseconds error = errors[next_error++ % errors.size()];
      const StoreTime now{(number * period + phase + error).count()};
      if (last_run && in_one_slot(once, *last_run, now)) continue;
      last_run = now;
      ++runs;
    }
    if (runs != 1) return number;
  }
  return {};
}

}  // namespace

TEST_CASE(
    "a job that cron starts in any minute runs once in each period, whatever the clocks show") {
  for (const milliseconds period :
       {milliseconds{1min}, milliseconds{2min}, milliseconds{5min}, milliseconds{10min},
        milliseconds{15min}, milliseconds{30min}, milliseconds{1h}, milliseconds{2h},
        milliseconds{6h}, milliseconds{12h}, milliseconds{24h}, milliseconds{168h}}) {
    // Trying each minute of a long period would take too long.
    const milliseconds step = period > 1h ? 7min : 1min;
    for (milliseconds phase{0}; phase < period; phase += step) {
      const auto odd = first_odd_period(period, phase);
      CAPTURE(period.count());
      CAPTURE(phase.count());
      REQUIRE(odd.value_or(-1) == -1);
    }
  }
}

TEST_CASE("a run is remembered for a month, or for two of its periods if that is longer") {
  CHECK(past_run_life({1h}) == 24h * 30);
  CHECK(past_run_life({24h * 15}) == 24h * 30);
  CHECK(past_run_life({24h * 90}) == 24h * 180);
}
