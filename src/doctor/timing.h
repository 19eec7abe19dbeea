#pragma once

#include "core/time.h"
#include "doctor/findings.h"

#include <optional>
#include <string>
#include <vector>

namespace dlock::doctor {

/// The reply to TIME: seconds and microseconds. An invalid number counts as zero.
std::chrono::microseconds time_of_day(std::string_view seconds, std::string_view micros);

/// One request for the server's time, between two readings of the local clock.
struct TimeSample {
  Instant sent_at;
  Instant received_at;
  std::chrono::microseconds server_time{};

  Duration round_trip() const { return received_at - sent_at; }
};

/// The results of two bursts of such requests to one server, some time apart.
struct Timing {
  std::vector<TimeSample> first;
  std::vector<TimeSample> second;
  int failed = 0;            // requests without an answer
  std::string refusal = {};  // the server's error instead of its time, if any
};

/// The time between the bursts. It gives the rate to a hundredth of a percent if a round trip takes
/// a fraction of a millisecond, and precisely enough up to some ten milliseconds.
inline constexpr Duration between_bursts = std::chrono::milliseconds{1000};
inline constexpr int burst_size = 10;

/// Compares the latency with the time of a renewal.
Finding judge_latency(const Timing& timing, Duration request_timeout);

/// How much faster the server's clock runs than the local one, in millionths; negative if slower.
struct RateDifference {
  std::int64_t millionths = 0;
  std::int64_t uncertainty = 0;
};
/// From the fastest request of each burst; empty if a burst has none.
std::optional<RateDifference> rate_difference(const Timing& timing);

/// The deadline allows for a server's clock that is 1 % faster than the local one (PROTOCOL.md,
/// "The deadline").
Finding judge_clock_rate(const std::optional<RateDifference>& difference);

}  // namespace dlock::doctor
