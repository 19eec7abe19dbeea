#pragma once

#include "core/time.h"

namespace dlock {

/// How long the lock may be believed ours, and how often that is proved again.
///
/// The terms follow from the two TTLs alone. PROTOCOL.md, "The deadline", derives them; the
/// model shows that each part of the margin is needed.
class LeaseTerms {
 public:
  constexpr LeaseTerms(Duration ttl, Duration lock_ttl) : ttl_(ttl), lock_ttl_(lock_ttl) {}

  /// The life of the liveness key: how long a crashed machine blocks the lock.
  constexpr Duration ttl() const { return ttl_; }
  /// The life of the lock key: how long a lock outlives its last renewal when nobody takes it.
  constexpr Duration lock_ttl() const { return lock_ttl_; }

  constexpr Duration renew_every() const { return ttl_ / 5; }
  /// One deadline for all bytes of one request, and for connecting before it.
  constexpr Duration request_timeout() const { return ttl_ / 10; }
  /// Between a failed renewal and the next attempt.
  constexpr Duration retry_every() const { return ttl_ / 40; }

  /// When the engine kills the job unless a later renewal is acknowledged.
  ///
  /// The belief starts when the request LEFT, not when the reply came: a slow reply must shorten
  /// it, never lengthen it. What is taken off pays for a clock that is 1 % slow, for the time a
  /// kill takes, and for the server's milliseconds.
  constexpr Instant stop_by(Instant sent_at) const { return sent_at + lease(ttl_); }

  /// When the first renewal is due, for a lease that was granted just now. A reply that took long
  /// has used up part of the time already.
  constexpr Instant first_renewal(Instant now, Instant granted_until) const {
    if (granted_until == never) return now + renew_every();
    return granted_until - lease(ttl_) + renew_every();
  }

  /// How long renewals can have been failing, counted from when the first of them was sent, before
  /// the job dies of it: the lease, but for what the last good renewal has used up by then.
  constexpr Duration longest_failing() const { return lease(ttl_) - renew_every(); }

  /// The front kills this much later than the engine: it is the second line.
  static constexpr Duration front_delay = std::chrono::milliseconds{150};

  /// The shortest TTL of which, after one renewal that timed out, a second one still has its whole
  /// time before the job must die.
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
