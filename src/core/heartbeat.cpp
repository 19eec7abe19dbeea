#include "core/heartbeat.h"

#include <algorithm>

namespace dlock {

bool HeartbeatTimer::hung(Instant now, Instant last_report) {
  if (stopped_ || hung_) return false;
  count(last_report);
  if (now < due_) return false;
  if (now > due_ + too_late_to_judge) {
    due_ = now + timeout_;
    return false;
  }
  hung_ = true;
  return true;
}

void HeartbeatTimer::stop(Instant now, Instant last_report) {
  if (stopped_) return;
  count(last_report);
  stopped_ = true;
  left_ = std::max(due_ - now, Duration::zero());
}

void HeartbeatTimer::go_on(Instant now, Instant last_report) {
  if (!stopped_) return;
  stopped_ = false;
  due_ = now + left_;
  count(last_report);  // another process of the job may have run all the time
}

void HeartbeatTimer::count(Instant last_report) { due_ = std::max(due_, last_report + timeout_); }

Notification read_notification(std::string_view text) {
  Notification read;
  bool dropped = false;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const std::string_view with_its_end = text.substr(0, end + 1);
    if (line == "WATCHDOG=1") {
      read.beat = dropped = true;
    } else if (line.starts_with("MAINPID=")) {
      dropped = true;
    } else {
      read.rest += with_its_end;
    }
    text.remove_prefix(with_its_end.size());
  }
  const bool only_line_ends = read.rest.find_first_not_of('\n') == std::string::npos;
  if (dropped && only_line_ends) read.rest.clear();
  return read;
}

}  // namespace dlock
