#pragma once

#include "core/signals.h"
#include "os/fd.h"
#include "store/store.h"

#include <sys/signalfd.h>
#include <unistd.h>

namespace dlock {

/// Requested once a signal has asked dlock to end after the end of the job: all remaining waits are
/// then given up. Other signals are ignored, such as the SIGCHLD of a child of dlock.
class SignalCancellation final : public Cancellation {
 public:
  explicit SignalCancellation(const Fd& signals) : signals_(signals) {}
  int fd() const override { return signals_.number(); }

  /// Stays true once requested.
  bool requested() override {
    signalfd_siginfo info{};
    while (::read(signals_.number(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      requested_ = requested_ || asks_to_stop(static_cast<int>(info.ssi_signo));
    }
    return requested_;
  }

 private:
  const Fd& signals_;
  bool requested_ = false;
};

}  // namespace dlock
