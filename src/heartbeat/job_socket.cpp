#include "heartbeat/job_socket.h"

#include "core/heartbeat.h"
#include "heartbeat/heartbeat_client.h"
#include "heartbeat/notify_relay.h"
#include "os/clock.h"
#include "os/datagram.h"
#include "os/wait.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace dlock {

/// The data of both threads. Both hold it, so that a thread left behind does not use freed memory.
struct JobSocket::Shared {
  Shared(Fd bound, const SharedDeadline& lease, std::optional<Notifications> wanted)
      : socket(std::move(bound)), deadline(lease), notifications(std::move(wanted)) {}

  Fd socket;
  const SharedDeadline& deadline;
  std::optional<Notifications> notifications;
  Fd stop = make_event_fd();
  Fd ended = make_event_fd();
  std::atomic<std::int64_t> last_report{0};  // nanoseconds of the boot clock
  std::atomic<bool> lost{false};
};

/// The body of the thread.
class JobSocket::Loop {
 public:
  explicit Loop(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)),
        relay_(shared_->notifications ? shared_->notifications->pass_on_to : "") {}

  void run() {
    while (!asked_to_stop()) {
      if (auto datagram = receive_datagram(shared_->socket)) take(std::move(*datagram));
      relay_.flush();
    }
    // Everything that the job sent before its end is in the queue by now. Later datagrams of other
    // processes do not count, so the loop is bounded.
    for (int i = 0; i < most_at_the_end; ++i) {
      auto datagram = receive_datagram(shared_->socket);
      if (!datagram) break;
      take(std::move(*datagram));
    }
    relay_.flush();
    wake(shared_->ended);
  }

 private:
  static constexpr int most_at_the_end = 100;
  bool asked_to_stop() {
    std::array<pollfd, 3> watched{{{shared_->stop.number(), POLLIN, 0},
                                   {shared_->socket.number(), POLLIN, 0},
                                   {relay_.fd(), POLLOUT, 0}}};
    wait_for_any(watched, never);
    return watched[0].revents != 0;
  }

  void take(Datagram datagram) {
    if (datagram.sender != ::geteuid() && datagram.sender != 0) return;
    if (datagram.text == heartbeat_question && datagram.descriptors.size() == 1) {
      note_report();
      answer(datagram.descriptors.front());
      return;
    }
    if (!shared_->notifications) return;
    Notification said = read_notification(datagram.text);
    if (said.beat) note_report();
    datagram.text = std::move(said.rest);
    relay_.pass_on(std::move(datagram));
  }

  void note_report() { shared_->last_report = BootClock::now().time_since_epoch().count(); }

  void answer(const Fd& to) const {
    const std::string_view word = word_of(state_of_lock());
    ::send(to.number(), word.data(), word.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  HeartbeatAnswer state_of_lock() const {
    if (shared_->lost) return HeartbeatAnswer::Lost;
    return BootClock::now() < shared_->deadline.read() ? HeartbeatAnswer::Held
                                                       : HeartbeatAnswer::Unconfirmed;
  }

  std::shared_ptr<Shared> shared_;
  NotifyRelay relay_;
};

Result<std::unique_ptr<JobSocket>, std::string> JobSocket::make(
    const SharedDeadline& deadline, std::optional<Notifications> notifications) {
  auto directory = SocketDirectory::make();
  if (!directory) return directory.error();
  Fd socket = bind_datagram_socket(directory->socket_path());
  if (!socket.open()) {
    const std::string why = ::strerror(errno);
    directory->remove();
    return "cannot create a socket in '" + directory->path() + "': " + why;
  }
  try {
    auto shared = std::make_shared<Shared>(std::move(socket), deadline, std::move(notifications));
    std::thread thread{[loop = std::make_unique<Loop>(shared)] { loop->run(); }};
    return std::unique_ptr<JobSocket>{
        new JobSocket{std::move(*directory), std::move(shared), std::move(thread)}};
  } catch (const std::system_error& refusal) {
    directory->remove();
    return "cannot create the thread of its socket (see ulimit -u and -n): " +
           refusal.code().message();
  }
}

JobSocket::JobSocket(SocketDirectory directory, std::shared_ptr<Shared> shared, std::thread thread)
    : directory_(std::move(directory)), shared_(std::move(shared)), thread_(std::move(thread)) {}

JobSocket::~JobSocket() {
  if (thread_.joinable()) thread_.detach();
}

Instant JobSocket::last_report() const { return Instant{Duration{shared_->last_report}}; }

void JobSocket::tell_of_loss() { shared_->lost = true; }

void JobSocket::stop(Instant until) {
  if (!thread_.joinable()) return;
  wake(shared_->stop);
  std::array<pollfd, 1> watched{{{shared_->ended.number(), POLLIN, 0}}};
  if (wait_for_any(watched, until)) thread_.join();
}

Progress::Progress(std::unique_ptr<JobSocket> socket, std::optional<Duration> timeout, Instant now)
    : socket_(std::move(socket)) {
  if (timeout) timer_.emplace(*timeout, now);
}

void Progress::follow_root(int wait_status, Instant now) {
  if (!timer_) return;
  if (WIFSTOPPED(wait_status)) {
    timer_->stop(now, socket_->last_report());
  } else {
    timer_->go_on(now, socket_->last_report());
  }
}

void Progress::tell_of_loss() {
  if (socket_) socket_->tell_of_loss();
}

void Progress::end() {
  if (!socket_) return;
  constexpr Duration timeout = std::chrono::milliseconds{200};  // its thread may hang
  socket_->stop(BootClock::now() + timeout);
  socket_->remove_directory();
}

}  // namespace dlock
