#pragma once

#include "core/time.h"

#include <string>
#include <string_view>

namespace dlock {

/// When a job that has to report progress is taken for hung. Pure: it is told the time, the latest
/// report, and when the job stops and goes on.
class HeartbeatTimer {
 public:
  /// The first report is due as long after the start as each one after the one before.
  HeartbeatTimer(Duration timeout, Instant start) : timeout_(timeout), due_(start + timeout) {}

  /// When to judge: `never` while the job is stopped, and once it was found hung.
  Instant due() const { return stopped_ || hung_ ? never : due_; }

  /// True once: when the time is over.
  ///
  /// Who comes to judge much too late was not run himself: stopped, starved, or asleep with the
  /// whole machine. The job may not have run either, so its time starts anew.
  bool hung(Instant now, Instant last_report);

  /// While the job is stopped its time stands still.
  void stop(Instant now, Instant last_report);
  void go_on(Instant now, Instant last_report);

  /// More than a busy machine makes a timer late (0.16 s with 50 hogs on 2 CPUs), and less than
  /// anybody would notice.
  static constexpr Duration too_late_to_judge = std::chrono::milliseconds{250};

 private:
  void count(Instant last_report);

  Duration timeout_;
  Instant due_;
  Duration left_{};  // while stopped
  bool stopped_ = false;
  bool hung_ = false;
};

/// What a program says by sd_notify(3), seen by a supervisor that is asked for progress only.
struct Notification {
  bool beat = false;  // there was a line WATCHDOG=1
  /// All but such lines and MAINPID, for the unit's main process is dlock: to be passed on.
  /// Unchanged if there was none.
  std::string rest;
};

Notification read_notification(std::string_view text);

}  // namespace dlock
