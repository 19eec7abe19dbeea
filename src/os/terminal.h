#pragma once

#include <optional>
#include <termios.h>

namespace dlock {

/// The controlling terminal and its modes at the time of the call.
class Terminal {
 public:
  /// Looks for one; there is none under cron, systemd and in most containers.
  static Terminal find();

  bool exists() const { return modes_.has_value(); }

  /// Puts the modes back as they were, if we are in the foreground: a program that was killed
  /// in raw mode left the user's shell without echo.
  void restore() const;

 private:
  std::optional<termios> modes_;
};

}  // namespace dlock
