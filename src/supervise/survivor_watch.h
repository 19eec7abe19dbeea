#pragma once

#include "core/log.h"
#include "core/time.h"
#include "supervise/tree.h"

#include <string>

namespace dlock::supervise {

/// Says who will not die: two seconds after the kill began, and every second from then on. A
/// process that became another user's cannot be killed by us, one in state D by nobody.
class SurvivorWatch {
 public:
  void begin() { speak_at_ = BootClock::now() + patience; }

  void tell(const Tree& tree, const std::string& about, Log& log) {
    const Instant now = BootClock::now();
    if (now < speak_at_) return;
    speak_at_ = now + every;
    log.error(about + ": still alive after SIGKILL: " + tree.survivors() +
              "; the lock is not released before they are gone");
  }

 private:
  static constexpr Duration patience = std::chrono::seconds{2};
  static constexpr Duration every = std::chrono::seconds{1};
  Instant speak_at_ = never;
};

}  // namespace dlock::supervise
