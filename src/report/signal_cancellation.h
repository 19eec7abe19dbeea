#pragma once

#include "core/signals.h"
#include "os/fd.h"
#include "store/store.h"

#include <sys/signalfd.h>
#include <unistd.h>

namespace dlock {

/// Whether somebody has asked us to end since the job did: whatever we still wait for is given up
/// then. Other signals that come meanwhile say nothing to us: a child of ours that ends is told by
/// one, too.
class SignalCancellation final : public Cancellation {
 public:
  explicit SignalCancellation(const Fd& signals) : signals_(signals) {}
  int fd() const override { return signals_.number(); }

  /// Once asked, always.
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
