#pragma once

#include "core/time.h"

#include <atomic>
#include <cstdint>

namespace dlock {

/// The moment by which the job must be dead, in a page of memory that front and engine share.
///
/// A renewal is one store, and wakes nobody. Only acquiring and the liveness thread move it, and a
/// reader believes it no further than one TTL from now: a wild write cannot let a job live on.
class SharedDeadline {
 public:
  enum class Leases { Expire, Last };
  /// Whether a lease that is over stays so (the job is being killed), or a late renewal may bring
  /// it back (--on-silence=continue).
  enum class Over { ForGood, UntilRenewed };

  /// Call before the fork. Throws std::system_error.
  SharedDeadline(Leases leases, Over over, Duration ttl);
  SharedDeadline(const SharedDeadline&) = delete;
  SharedDeadline& operator=(const SharedDeadline&) = delete;

  /// From any thread.
  void move_to(Instant stop_by);

  /// `never` before the first lease, and for leases that do not expire.
  Instant read() const;

 private:
  Leases leases_;
  Over over_;
  Duration ttl_;
  std::atomic<std::int64_t>* nanoseconds_;
};

}  // namespace dlock
