#pragma once

#include <string>
#include <string_view>

namespace dlock {

/// What a program says by sd_notify(3), seen by a supervisor that is asked for progress only.
struct Notification {
  bool beat = false;  // there was a line WATCHDOG=1
  /// All but such lines and MAINPID, for the unit's main process is dlock: to be passed on.
  /// Unchanged if there was none.
  std::string rest;
};

Notification read_notification(std::string_view text);

}  // namespace dlock
