#pragma once

#include "core/call_deadline.h"
#include "os/wait.h"
#include "supervise/channel.h"

#include <array>
#include <csignal>
#include <cstddef>

namespace dlock::supervise {

/// Ends a wait for the store when the front passes on a wish to stop, or is gone.
class FrontMessages final : public Cancellation {
 public:
  explicit FrontMessages(Channel& channel) : channel_(channel) {}
  int fd() const override { return channel_.fd(); }
  bool requested() override {
    while (!requested_) {
      const auto message = channel_.receive();
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
    }
    return requested_;
  }
  int signal() const { return signal_; }

  /// Until the front has passed on what the terminal sent before we were forked: for what it passes
  /// on later we have had, too, and with us the job. Ends as well when we are to stop.
  void await_early_signals() {
    std::array<pollfd, 1> watched{{{channel_.fd(), POLLIN, 0}}};
    while (!requested() && !had_early_signals_) wait_for_any(watched, never);
  }

  enum class Witnesses { Taken, Refused, Cancelled };
  /// Until the front has taken so many witnesses, or has said that it cannot.
  Witnesses await_witnesses(std::size_t count) {
    std::array<pollfd, 1> watched{{{channel_.fd(), POLLIN, 0}}};
    for (;;) {
      if (requested()) return Witnesses::Cancelled;
      if (witness_refused_) return Witnesses::Refused;
      if (witnesses_ == count) return Witnesses::Taken;
      wait_for_any(watched, never);
    }
  }

 private:
  Channel& channel_;
  bool requested_ = false;
  bool had_early_signals_ = false;
  std::size_t witnesses_ = 0;
  bool witness_refused_ = false;
  int signal_ = SIGTERM;
};

}  // namespace dlock::supervise
