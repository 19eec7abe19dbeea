#pragma once

#include "core/time.h"

namespace dlock {

/// A moment at which something is due, once. Setting it anew forgets the moment before.
class Alarm {
 public:
  void set(Instant at) { at_ = at; }
  /// `never` if it is not set, or has rung.
  Instant at() const { return at_; }

  /// True once, from that moment on.
  bool rings(Instant now) {
    if (now < at_) return false;
    at_ = never;
    return true;
  }

 private:
  Instant at_ = never;
};

}  // namespace dlock
