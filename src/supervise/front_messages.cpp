#include "supervise/front_messages.h"

#include "os/clock.h"
#include "os/wait.h"

#include <array>
#include <utility>

namespace dlock::supervise {

bool FrontMessages::requested() {
  while (!requested_) {
    auto message = channel_.receive();
    if (!message) {
      requested_ = channel_.peer_gone();
      break;
    }
    if (message->kind == MessageKind::EarlySignalsPassed) had_early_signals_ = true;
    if (message->kind == MessageKind::WitnessTaken) {
      if (message->number == 1)
        ++witnesses_;
      else
        witness_refused_ = true;
    }
    if (message->kind == MessageKind::Signal) signal_ = message->number;
    requested_ = message->kind == MessageKind::Signal || message->kind == MessageKind::Kill;
    if (message->kind == MessageKind::Cgroup) cgroup_ = std::move(*message);
  }
  return requested_;
}

void FrontMessages::await_early_signals() {
  std::array<pollfd, 1> watched{{{channel_.fd(), POLLIN, 0}}};
  while (!requested() && !had_early_signals_) wait_for_any(watched, never);
}

FrontMessages::Witnesses FrontMessages::await_witnesses(std::size_t count) {
  std::array<pollfd, 1> watched{{{channel_.fd(), POLLIN, 0}}};
  for (;;) {
    if (requested()) return Witnesses::Cancelled;
    if (witness_refused_) return Witnesses::Refused;
    if (witnesses_ == count) return Witnesses::Taken;
    wait_for_any(watched, never);
  }
}

void FrontMessages::await_cgroup() {
  std::array<pollfd, 1> watched{{{channel_.fd(), POLLIN, 0}}};
  while (!requested() && !cgroup_) wait_for_any(watched, never);
}

}  // namespace dlock::supervise
