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
    if (message->kind == MessageKind::LockDescriptorTaken) {
      if (message->number == 1)
        ++descriptors_taken_;
      else
        descriptor_refused_ = true;
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

FrontMessages::Descriptors FrontMessages::await_descriptors(std::size_t count) {
  std::array<pollfd, 1> watched{{{channel_.fd(), POLLIN, 0}}};
  for (;;) {
    if (requested()) return Descriptors::Cancelled;
    if (descriptor_refused_) return Descriptors::Refused;
    if (descriptors_taken_ == count) return Descriptors::Taken;
    wait_for_any(watched, never);
  }
}

void FrontMessages::await_cgroup() {
  std::array<pollfd, 1> watched{{{channel_.fd(), POLLIN, 0}}};
  while (!requested() && !cgroup_) wait_for_any(watched, never);
}

}  // namespace dlock::supervise
