#pragma once

#include "core/time.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace dlock {

/// `--once-per`: time is cut into slots of that length, counted from 1970 in UTC, and in each there
/// is at most one run.
struct OncePer {
  std::chrono::milliseconds period;
  /// Whether a run that failed uses up its slot as well: `--even-if-failed`.
  bool even_if_failed = false;

  /// How long before the moment by which a slot is known it begins. Cron starts jobs on the full
  /// minute, and a machine is some ms before or behind the store's clock, at one time this and at
  /// the next time that: were the edge of a slot there, two of its runs could fall into one, and
  /// none into the next. So it lies half a minute away, as far as can be.
  constexpr std::chrono::milliseconds begins_before() const {
    return std::min<std::chrono::milliseconds>(std::chrono::seconds{30}, period / 4);
  }
};

/// A moment by the clock of the store: what it says of the time of day, in ms since 1970. It
/// decides in which slot a run falls, and nothing else.
struct StoreTime {
  std::int64_t ms = 0;
};

/// Whether both moments fall into one slot. (The acquire script of the Redis store repeats this.)
constexpr bool in_one_slot(const OncePer& once, StoreTime a, StoreTime b) {
  const auto slot_of = [&once](StoreTime moment) {
    return (moment.ms + once.begins_before().count()) / once.period.count();
  };
  return slot_of(a) == slot_of(b);
}

/// How long a run is remembered: over the end of its slot, and long enough to be looked up.
constexpr Duration past_run_life(const OncePer& once) {
  return std::max<Duration>(std::chrono::hours{24 * 30}, 2 * once.period);
}

/// What the store remembers of the last run of a key with `--once-per`. Bytes come from the store:
/// show them through printable() only.
struct PastRun {
  StoreTime started;
  /// Whether it uses up its slot.
  bool counts = false;
  std::string ended_at;  // ISO 8601, UTC, by the wall clock of who ran it
  int exit_code = 0;     // as a shell shows it
  std::string host;
  long pid = 0;
  std::string user;
  std::string command;
  /// From then on it need not be remembered; 0 if the store itself forgets.
  StoreTime forget_at = {};
};

/// `host web1 pid 4711 (rsync -a ...) at 2026-01-31T02:00:07.000Z`.
std::string describe(const PastRun& run);

}  // namespace dlock
