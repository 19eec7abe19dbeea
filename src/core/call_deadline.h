#pragma once

#include "core/time.h"

namespace dlock {

/// Lets a caller cancel a call that blocks.
class Cancellation {
 public:
  virtual ~Cancellation() = default;
  /// Readable when requested() should be checked.
  virtual int fd() const = 0;
  /// Whether to stop waiting. May read from fd(), but never blocks on it.
  virtual bool requested() = 0;
};

/// The moment by which one call must be answered, unless it is cancelled before. The call returns a
/// fault when that moment has passed.
struct CallDeadline {
  Instant until;
  Cancellation* cancellation = nullptr;
};

}  // namespace dlock
