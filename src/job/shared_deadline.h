#pragma once

#include "core/time.h"

#include <atomic>
#include <cstdint>

namespace dlock {

/// The moment by which the job must be dead, in a page of memory that front and engine share.
///
/// A renewal is one write to memory and wakes no process. Only the acquire and the renewals move
/// it. A reader trusts it no further than one TTL from now, so a wild write cannot keep a job
/// alive.
class SharedDeadline {
 public:
  enum class Leases { Expire, Last };
  /// Whether an expired lease stays expired (the job is being killed), or a late renewal can
  /// restore it (--on-silence=continue).
  enum class Over { ForGood, UntilRenewed };

  /// Call before the fork. Throws std::system_error.
  SharedDeadline(Leases leases, Over over, Duration ttl);
  SharedDeadline(const SharedDeadline&) = delete;
  SharedDeadline& operator=(const SharedDeadline&) = delete;

  /// Can be called from any thread.
  void move_to(Instant stop_by);

  /// Returns `never` before the first lease, and for leases that do not expire.
  Instant read() const;

 private:
  Leases leases_;
  Over over_;
  Duration ttl_;
  std::atomic<std::int64_t>* nanoseconds_;
};

}  // namespace dlock
