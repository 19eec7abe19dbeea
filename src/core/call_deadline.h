#pragma once

#include "core/time.h"

namespace dlock {

/// Lets a caller call off a wait for the store.
class Interrupt {
 public:
  virtual ~Interrupt() = default;
  /// Readable when requested() is worth asking.
  virtual int fd() const = 0;
  /// Whether to stop waiting. May read from fd(), and never waits for it.
  virtual bool requested() = 0;
};

/// How long one call to the store may take. The call returns a fault when it is over.
struct Patience {
  Instant until;
  Interrupt* interrupt = nullptr;
};

}  // namespace dlock
