#pragma once

#include "core/time.h"

#include <string>
#include <string_view>

namespace dlock {

/// Decides when a job that must report progress counts as hung. Pure: the caller passes the time,
/// the latest report, and the stops and continues of the job.
class HeartbeatTimer {
 public:
  /// The first report is due one timeout after the start, each later one a timeout after the one
  /// before.
  HeartbeatTimer(Duration timeout, Instant start) : timeout_(timeout), due_(start + timeout) {}

  /// When to call hung(): `never` while the job is stopped, and after it was found hung.
  Instant due() const { return stopped_ || hung_ ? never : due_; }

  /// Returns true once, when the time is over.
  ///
  /// If the call comes much too late, this process itself did not run: it was stopped, starved, or
  /// suspended with the machine. The job may not have run either, so its time starts anew.
  bool hung(Instant now, Instant last_report);

  /// The time of the job stands still while it is stopped.
  void stop(Instant now, Instant last_report);
  void go_on(Instant now, Instant last_report);

  /// More than the lateness of a timer on a busy machine (0.16 s with 50 hogs on 2 CPUs), and too
  /// short for anyone to notice.
  static constexpr Duration too_late_to_judge = std::chrono::milliseconds{250};

 private:
  void count(Instant last_report);

  Duration timeout_;
  Instant due_;
  Duration left_{};  // while stopped
  bool stopped_ = false;
  bool hung_ = false;
};

/// The content of an sd_notify(3) message, as seen by a supervisor that handles progress reports
/// only.
struct Notification {
  bool beat = false;  // the message had a line WATCHDOG=1
  /// The text to pass on: all but such lines and MAINPID, because the unit's main process is dlock.
  /// Unchanged if there was no such line.
  std::string rest;
};

Notification read_notification(std::string_view text);

}  // namespace dlock
