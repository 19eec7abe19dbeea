#pragma once

#include <optional>
#include <termios.h>

namespace dlock {

/// The controlling terminal and its modes at the time of the call.
class Terminal {
 public:
  /// Finds the terminal; there is none under cron, systemd and in most containers.
  static Terminal find();

  bool exists() const { return modes_.has_value(); }

  /// Restores the modes if this process is in the foreground: a program that was killed in raw mode
  /// leaves the user's shell without echo.
  void restore() const;

 private:
  std::optional<termios> modes_;
};

}  // namespace dlock
