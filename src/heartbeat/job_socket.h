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

/// The socket by which processes of the job report progress (`dlock heartbeat`, sd_notify(3)) and
/// ask after the lock.
///
/// Served by a thread of its own, which may hang as long as it likes, for a job can send a
/// descriptor whose close(2) takes minutes. It decides nothing and kills nothing. A report is one
/// store of a moment and wakes nobody: however much is written there, the main loop does not
/// notice. It is a socket for datagrams, so there are no connections that could be held open.
class JobSocket {
 public:
  /// What becomes of notifications that are no report: if the socket is the job's NOTIFY_SOCKET,
  /// they go to the one that dlock had (empty: to nobody).
  struct Notifications {
    std::string pass_on_to;
  };

  /// Made before there is a job, the thread as well: until somebody writes it sleeps. `deadline`
  /// must outlive the process's threads. The error says why there is none.
  static Result<std::unique_ptr<JobSocket>, std::string> make(
      const SharedDeadline& deadline, std::optional<Notifications> notifications);
  ~JobSocket();
  JobSocket(const JobSocket&) = delete;
  JobSocket& operator=(const JobSocket&) = delete;

  const SocketDirectory& directory() const { return directory_; }
  void remove_directory() { directory_.remove(); }

  /// Before any moment if there was none.
  Instant last_report() const;

  /// From now on whoever asks is told that the lock is lost.
  void tell_of_loss();

  /// Passes on what the job has said up to now, and ends the thread if that is done in time.
  void stop(Instant until);

 private:
  struct Shared;
  class Loop;
  JobSocket(SocketDirectory directory, std::shared_ptr<Shared> shared, std::thread thread);

  SocketDirectory directory_;
  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

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
