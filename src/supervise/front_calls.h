#pragma once

#include "store/store.h"
#include "supervise/channel.h"

#include <csignal>

namespace dlock::supervise {

/// Ends a wait for the store when the front passes on a wish to stop, or is gone.
class FrontCalls final : public Interrupt {
 public:
  explicit FrontCalls(Channel& channel) : channel_(channel) {}
  int fd() const override { return channel_.fd(); }
  bool requested() override {
    while (!requested_) {
      const auto message = channel_.receive();
      if (!message) {
        requested_ = channel_.peer_gone();
        break;
      }
      if (message->kind == MessageKind::Signal) signal_ = message->number;
      requested_ = message->kind == MessageKind::Signal || message->kind == MessageKind::Kill;
    }
    return requested_;
  }
  int signal() const { return signal_; }

 private:
  Channel& channel_;
  bool requested_ = false;
  int signal_ = SIGTERM;
};

}  // namespace dlock::supervise
