#pragma once

#include "core/time.h"
#include "os/fd.h"

namespace dlock {

/// A descriptor that becomes readable at a time of CLOCK_BOOTTIME, or at resume if the machine was
/// suspended at that time. Throws std::system_error if it cannot be created.
class Timer {
 public:
  Timer();
  /// `never` disarms it. Cheap if nothing changes.
  void arm(Instant at);
  int fd() const { return fd_.number(); }

 private:
  Fd fd_;
  Instant armed_ = never;
};

/// A descriptor that becomes readable when the wall clock is set. A change can be the only sign
/// that a virtual machine was paused, when its clock is corrected afterwards (PROTOCOL.md, "The
/// deadline").
class ClockChange {
 public:
  ClockChange();
  /// Call after fd() became readable, and before watching it again.
  void rearm();
  int fd() const { return fd_.number(); }

 private:
  Fd fd_;
};

}  // namespace dlock
