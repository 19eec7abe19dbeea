#pragma once

#include "core/time.h"
#include "doctor/findings.h"

#include <optional>
#include <string>
#include <vector>

namespace dlock::doctor {

/// What TIME says: seconds and microseconds. What cannot be one counts as none.
std::chrono::microseconds time_of_day(std::string_view seconds, std::string_view micros);

/// One request for the server's time of day, between two looks at our own clock.
struct TimeSample {
  Instant sent_at;
  Instant received_at;
  std::chrono::microseconds server_time{};

  Duration round_trip() const { return received_at - sent_at; }
};

/// What two bursts of such requests, some time apart, have told of one server.
struct Timing {
  std::vector<TimeSample> first;
  std::vector<TimeSample> second;
  int failed = 0;            // requests without an answer
  std::string refusal = {};  // why the server does not tell its time, if it does not
};

/// The time between the bursts: it makes the rate known to a hundredth of a percent where a round
/// trip takes a fraction of a millisecond, and well enough up to some ten milliseconds.
inline constexpr Duration between_bursts = std::chrono::milliseconds{1000};
inline constexpr int burst_size = 10;

/// Against the time that a renewal has.
Finding judge_latency(const Timing& timing, Duration request_timeout);

/// How much faster the server's clock runs than ours; millionths, slower is negative.
struct RateDifference {
  std::int64_t millionths = 0;
  std::int64_t uncertainty = 0;
};
/// From the quickest request of each burst; nothing if one of them has none.
std::optional<RateDifference> rate_difference(const Timing& timing);

/// The deadline allows for a server's clock that is 1 % faster than ours (PROTOCOL.md, "The
/// deadline").
Finding judge_clock_rate(const std::optional<RateDifference>& difference);

}  // namespace dlock::doctor
