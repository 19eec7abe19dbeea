#pragma once

#include "core/time.h"
#include "os/fd.h"

namespace dlock {

/// A descriptor that becomes readable at a moment of CLOCK_BOOTTIME, at resume if the machine
/// slept through it. Throws std::system_error when it cannot be made.
class Timer {
 public:
  Timer();
  /// `never` disarms it. Cheap when nothing changes.
  void arm(Instant at);
  int fd() const { return fd_.number(); }

 private:
  Fd fd_;
  Instant armed_ = never;
};

/// A descriptor that becomes readable when somebody sets the wall clock: after a virtual machine
/// was paused, the only trace of it may be that its clock is put right (PROTOCOL.md, "The
/// deadline").
class ClockChange {
 public:
  ClockChange();
  /// To be called after fd() was readable, and before watching it again.
  void rearm();
  int fd() const { return fd_.number(); }

 private:
  Fd fd_;
};

}  // namespace dlock
