#pragma once

#include "core/time.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace dlock {

/// `--once-per`: time is divided into slots of that length, counted from 1970 in UTC, with at most
/// one run in each.
struct OncePer {
  std::chrono::milliseconds period;
  /// Whether a failed run uses up its slot as well: `--even-if-failed`.
  bool even_if_failed = false;

  /// How long before its nominal moment a slot begins. Cron starts jobs on the full minute, and a
  /// machine can be some ms before or behind the store's clock, sometimes one and sometimes the
  /// other. If a slot began there, two of its runs could fall into one slot and none into the next.
  /// Therefore the edge is half a minute away, or a quarter of a short period.
  constexpr std::chrono::milliseconds begins_before() const {
    return std::min<std::chrono::milliseconds>(std::chrono::seconds{30}, period / 4);
  }
};

/// A moment on the clock of the store, in ms since 1970. It decides in which slot a run falls, and
/// nothing else.
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

/// How long a run is remembered: past the end of its slot, and long enough for a user to look it
/// up.
constexpr Duration past_run_life(const OncePer& once) {
  return std::max<Duration>(std::chrono::hours{24 * 30}, 2 * once.period);
}

/// The record of the last run of a key with `--once-per`. The bytes come from the store: show them
/// through printable() only.
struct PastRun {
  StoreTime started;
  /// Whether the run uses up its slot.
  bool counts = false;
  std::string ended_at;  // ISO 8601, UTC, by the wall clock of the run's host
  int exit_code = 0;     // as a shell shows it
  std::string host;
  long pid = 0;
  std::string user;
  std::string command;
  /// The moment from which the record can be forgotten; 0 if the store itself deletes it.
  StoreTime forget_at = {};
};

/// `host web1 pid 4711 (rsync -a ...) at 2026-01-31T02:00:07.000Z`.
std::string describe(const PastRun& run);

}  // namespace dlock
