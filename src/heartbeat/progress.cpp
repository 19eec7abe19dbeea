#include "heartbeat/progress.h"

#include "os/clock.h"

#include <sys/wait.h>
#include <utility>

namespace dlock {

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
  constexpr Duration patience = std::chrono::milliseconds{200};  // its thread may hang
  socket_->stop(BootClock::now() + patience);
  socket_->remove_directory();
}

}  // namespace dlock
