#pragma once

#include "core/heartbeat_timer.h"
#include "heartbeat/job_socket.h"

#include <memory>
#include <optional>

namespace dlock {

/// What the engine knows of a job's progress: the socket by which it is reported, and the time by
/// which it has to be. A job may have neither, or a socket only to ask after its lock.
class Progress {
 public:
  Progress() = default;
  /// The job was forked at `now`. A timeout needs a socket.
  Progress(std::unique_ptr<JobSocket> socket, std::optional<Duration> timeout, Instant now);

  /// When to call hung() at the latest.
  Instant due() const { return timer_ ? timer_->due() : never; }
  /// True once: when a report was due and did not come.
  bool hung(Instant now) { return timer_ && timer_->hung(now, socket_->last_report()); }
  /// The job's first process stopped, went on or ended.
  void follow_root(int wait_status, Instant now);

  /// From now on whoever asks is told that the lock is lost.
  void tell_of_loss();
  /// Passes on the job's last words, and takes the socket away.
  void end();

 private:
  std::unique_ptr<JobSocket> socket_;
  std::optional<HeartbeatTimer> timer_;
};

}  // namespace dlock
