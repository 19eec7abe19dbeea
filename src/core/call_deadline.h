#pragma once

#include "core/time.h"

namespace dlock {

/// Lets a caller cancel a call that waits.
class Cancellation {
 public:
  virtual ~Cancellation() = default;
  /// Readable when requested() is worth asking.
  virtual int fd() const = 0;
  /// Whether to stop waiting. May read from fd(), and never waits for it.
  virtual bool requested() = 0;
};

/// By when one call must be answered, unless it is cancelled before. The call returns a fault when
/// that moment has passed.
struct CallDeadline {
  Instant until;
  Cancellation* cancellation = nullptr;
};

}  // namespace dlock
