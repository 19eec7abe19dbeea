#include "core/heartbeat_timer.h"

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
  count(last_report);  // another process of the job may have gone on all the time
}

void HeartbeatTimer::count(Instant last_report) { due_ = std::max(due_, last_report + timeout_); }

}  // namespace dlock
