#include "doctor/timing.h"

#include "core/duration.h"
#include "core/number.h"

#include <algorithm>
#include <cstdlib>

namespace dlock::doctor {
namespace {

/// `0.37ms`; to_text() of durations has no unit below a millisecond.
std::string fine_text(Duration duration) {
  const auto hundredths = duration.count() / 10'000;
  const std::string fraction = std::to_string(100 + hundredths % 100).substr(1);
  return std::to_string(hundredths / 100) + "." + fraction + "ms";
}

/// `0.37 %`.
std::string percent(std::int64_t millionths) {
  const std::string fraction = std::to_string(100 + millionths / 100 % 100).substr(1);
  return std::to_string(millionths / 10'000) + "." + fraction + " %";
}

std::vector<Duration> sorted_round_trips(const Timing& timing) {
  std::vector<Duration> trips;
  for (const auto* burst : {&timing.first, &timing.second}) {
    for (const TimeSample& sample : *burst) trips.push_back(sample.round_trip());
  }
  std::sort(trips.begin(), trips.end());
  return trips;
}

const TimeSample* quickest(const std::vector<TimeSample>& burst) {
  const auto found = std::min_element(
      burst.begin(), burst.end(),
      [](const TimeSample& a, const TimeSample& b) { return a.round_trip() < b.round_trip(); });
  return found == burst.end() ? nullptr : &*found;
}

}  // namespace

std::chrono::microseconds time_of_day(std::string_view seconds, std::string_view micros) {
  constexpr long long most = 8'000'000'000;  // the difference of two fits into nanoseconds
  constexpr long long million = 1'000'000;
  return std::chrono::seconds{parse_number<long long>(seconds, 0, most).value_or(0)} +
         std::chrono::microseconds{parse_number<long long>(micros, 0, million - 1).value_or(0)};
}

Finding judge_latency(const Timing& timing, Duration request_timeout) {
  const std::vector<Duration> trips = sorted_round_trips(timing);
  Finding finding{.check = "latency"};
  if (trips.empty() && !timing.refusal.empty()) {
    finding.verdict = Verdict::Note;
    finding.fact = "unknown: TIME is refused: " + timing.refusal;
    finding.meaning = "dlock doctor cannot check whether renewals are answered in time";
    finding.remedy = "let the user run TIME (+time)";
    return finding;
  }
  const std::string limit = "the limit is " + to_text(request_timeout) + " (--ttl / 10)";
  if (trips.empty()) {
    finding.fact = "no request was answered in time; " + limit;
  } else {
    finding.fact = "median " + fine_text(trips[trips.size() / 2]) + ", worst " +
                   fine_text(trips.back()) + " of " + std::to_string(trips.size()) + " requests; " +
                   limit;
    if (timing.failed > 0) finding.fact += "; " + std::to_string(timing.failed) + " failed";
  }
  const bool too_slow = trips.empty() || timing.failed > 0 || trips.back() >= request_timeout;
  const bool near = !too_slow && trips.back() >= request_timeout / 2;
  if (!too_slow && !near) return finding;
  finding.verdict = too_slow ? Verdict::Weak : Verdict::Note;
  finding.meaning =
      too_slow ? "renewals fail, and jobs are killed although no other run wants their lock"
               : "if the server gets slightly slower, renewals fail";
  finding.remedy = "use a larger --ttl, or a server that is nearer or less busy (SLOWLOG GET)";
  return finding;
}

std::optional<RateDifference> rate_difference(const Timing& timing) {
  const TimeSample* const first = quickest(timing.first);
  const TimeSample* const second = quickest(timing.second);
  if (first == nullptr || second == nullptr) return {};
  // The server read its clock between the two local readings: halfway, plus or minus half of the
  // round trip.
  const auto halfway = [](const TimeSample& sample) {
    return sample.sent_at + sample.round_trip() / 2;
  };
  const Duration ours = halfway(*second) - halfway(*first);
  if (ours <= Duration::zero()) return {};
  const Duration servers = second->server_time - first->server_time;
  constexpr Duration rounding = std::chrono::microseconds{1};
  const Duration unknown = (first->round_trip() + second->round_trip()) / 2 + rounding;
  constexpr std::int64_t million = 1'000'000;
  // If a server's clock was set meanwhile, the difference can be years: in microseconds it does not
  // overflow.
  const auto in_micros = [](Duration d) {
    return std::chrono::duration_cast<std::chrono::microseconds>(d).count();
  };
  const auto span = std::max<std::int64_t>(1, in_micros(ours));
  constexpr std::int64_t most = million * million;
  const auto off = std::clamp(in_micros(servers - ours), -most, most);
  return RateDifference{off * million / span, in_micros(unknown) * million / span + 1};
}

Finding judge_clock_rate(const std::optional<RateDifference>& difference) {
  constexpr std::int64_t allowed = 10'000;  // 1 %
  Finding finding{.check = "clock rate"};
  if (!difference) {
    finding.verdict = Verdict::Note;
    finding.fact = "unknown: the server's clock could not be read twice";
    finding.meaning = "the deadline tolerates a difference of 1 %, which was not checked";
    finding.remedy = "run it again when the server answers; let the user run TIME (+time)";
    return finding;
  }
  const std::int64_t size = std::abs(difference->millionths);
  const bool slower = difference->millionths < 0;
  constexpr std::int64_t rounding_up = 99;
  finding.fact = "the server's clock runs " + percent(size) + (slower ? " slower" : " faster") +
                 " than the local clock, known within " +
                 percent(difference->uncertainty + rounding_up);
  if (size + difference->uncertainty <= allowed) return finding;
  if (size - difference->uncertainty > allowed) {
    // A slow clock is safe: its locks expire later than this run assumes.
    finding.verdict = slower ? Verdict::Weak : Verdict::Broken;
    finding.meaning = slower ? "the lock of a crashed machine blocks other runs longer than --ttl"
                             : "a lock can expire on the server before dlock kills its job";
    finding.remedy =
        "run it again: a clock that was just set looks the same; otherwise fix the clock of one "
        "machine (chronyc tracking)";
    return finding;
  }
  finding.verdict = Verdict::Note;
  finding.meaning =
      "the deadline tolerates 1 %, which cannot be checked over a connection this slow";
  finding.remedy = "run it again when the server is less busy";
  return finding;
}

}  // namespace dlock::doctor
