#pragma once

#include <string>
#include <string_view>

namespace dlock {

/// What a program says by sd_notify(3), seen by a supervisor that is asked for progress only.
struct Notification {
  bool beat = false;  // there was a line WATCHDOG=1
  std::string rest;   // all but such lines, to be passed on; unchanged if there was none
};

Notification read_notification(std::string_view text);

}  // namespace dlock
