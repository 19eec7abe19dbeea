#pragma once

#include "core/heartbeat.h"
#include "core/result.h"
#include "core/time.h"
#include "heartbeat/socket_directory.h"
#include "job/shared_deadline.h"
#include "os/fd.h"

#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace dlock {

/// The socket through which processes of the job report progress (`dlock heartbeat`, sd_notify(3))
/// and ask about the lock.
///
/// A thread of its own serves it. The thread can hang without harm, and it must be separate,
/// because a job can send a descriptor whose close(2) takes minutes. It decides nothing and kills
/// nothing. A report is one write of a moment and wakes no other thread, so a flood of reports does
/// not affect the main loop. It is a datagram socket, so no connection can be held open.
class JobSocket {
 public:
  /// What happens to notifications that are no progress report: if the socket is the job's
  /// NOTIFY_SOCKET, they are passed on to the NOTIFY_SOCKET of dlock (empty: dropped).
  struct Notifications {
    std::string pass_on_to;
  };

  /// Makes the socket and its thread before there is a job; the thread sleeps until the first
  /// datagram. `deadline` must outlive all threads of the process. The error is the reason why
  /// there is no socket.
  static Result<std::unique_ptr<JobSocket>, std::string> make(
      const SharedDeadline& deadline, std::optional<Notifications> notifications);
  ~JobSocket();
  JobSocket(const JobSocket&) = delete;
  JobSocket& operator=(const JobSocket&) = delete;

  const SocketDirectory& directory() const { return directory_; }
  void remove_directory() { directory_.remove(); }

  /// The moment of the last report; the zero moment of the clock if there was none.
  Instant last_report() const;

  /// From now on every question is answered with Lost.
  void tell_of_loss();

  /// Passes on what the job has sent up to now, and ends the thread if that is done by `until`.
  void stop(Instant until);

 private:
  struct Shared;
  class Loop;
  JobSocket(SocketDirectory directory, std::shared_ptr<Shared> shared, std::thread thread);

  SocketDirectory directory_;
  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

/// The progress of a job as the engine knows it: the socket for reports, and the time by which the
/// next one is due. A job may have neither, or a socket only for questions about its lock.
class Progress {
 public:
  Progress() = default;
  /// The job was forked at `now`. A timeout requires a socket.
  Progress(std::unique_ptr<JobSocket> socket, std::optional<Duration> timeout, Instant now);

  /// When to call hung() at the latest.
  Instant due() const { return timer_ ? timer_->due() : never; }
  /// Returns true once, when a report was due and did not come.
  bool hung(Instant now) { return timer_ && timer_->hung(now, socket_->last_report()); }
  /// Records that the command stopped, continued or ended.
  void follow_root(int wait_status, Instant now);

  /// From now on every question is answered with Lost.
  void tell_of_loss();
  /// Passes on the last messages of the job, and removes the socket.
  void end();

 private:
  std::unique_ptr<JobSocket> socket_;
  std::optional<HeartbeatTimer> timer_;
};

}  // namespace dlock
