#pragma once

#include "core/time.h"

namespace dlock {

/// How long a holder can rely on the lock, and how often it renews.
///
/// All terms follow from the two TTLs. PROTOCOL.md, "The deadline", derives them; the model shows
/// that each part of the margin is needed.
class LeaseTerms {
 public:
  constexpr LeaseTerms(Duration ttl, Duration lock_ttl) : ttl_(ttl), lock_ttl_(lock_ttl) {}

  /// The TTL of the liveness key: how long a crashed machine blocks the lock.
  constexpr Duration ttl() const { return ttl_; }
  /// The TTL of the lock key: how long a lock outlives its last renewal if no run takes it over.
  constexpr Duration lock_ttl() const { return lock_ttl_; }

  constexpr Duration renew_every() const { return ttl_ / 5; }
  /// One call deadline for all bytes of a request, including the connect before it.
  constexpr Duration request_timeout() const { return ttl_ / 10; }
  /// The time between a failed renewal and the next attempt.
  constexpr Duration retry_every() const { return ttl_ / 40; }

  /// When the engine kills the job unless a later renewal is acknowledged.
  ///
  /// The lease starts when the request was sent, not when the reply came: a slow reply must shorten
  /// it, never lengthen it. The margin covers a clock that is 1 % slow, the time of a kill, and the
  /// milliseconds of the server.
  constexpr Instant stop_by(Instant sent_at) const { return sent_at + lease(ttl_); }

  /// When the first renewal is due for a lease that was granted just now. A slow reply has already
  /// used part of the time.
  constexpr Instant first_renewal(Instant now, Instant granted_until) const {
    if (granted_until == never) return now + renew_every();
    return granted_until - lease(ttl_) + renew_every();
  }

  /// How long renewals can fail, counted from when the first failed one was sent, before the job is
  /// killed for it: the lease minus the part that has passed since the last good renewal.
  constexpr Duration longest_failing() const { return lease(ttl_) - renew_every(); }

  /// The front kills this much later than the engine, because it is the second line.
  static constexpr Duration front_delay = std::chrono::milliseconds{150};

  /// The shortest TTL with which, after one renewal that timed out, a second one still has its full
  /// time before the job must be dead.
  static constexpr Duration least_ttl() {
    Duration ttl = std::chrono::milliseconds{100};
    while (lease(ttl) < 2 * (ttl / 5 + ttl / 10)) ttl += std::chrono::milliseconds{100};
    return ttl;
  }

 private:
  static constexpr Duration kill_time = std::chrono::milliseconds{500};
  static constexpr Duration rounding = std::chrono::milliseconds{2};
  static constexpr Duration lease(Duration ttl) { return ttl - ttl / 100 - kill_time - rounding; }

  Duration ttl_;
  Duration lock_ttl_;
};

}  // namespace dlock
