#pragma once

#include "core/call_deadline.h"
#include "supervise/channel.h"

#include <csignal>
#include <cstddef>

namespace dlock::supervise {

/// What the front sends to the engine before there is a job. Cancels a call of the store when the
/// front passes on a signal that asks the run to stop, or is gone.
class FrontMessages final : public Cancellation {
 public:
  explicit FrontMessages(Channel& channel) : channel_(channel) {}
  int fd() const override { return channel_.fd(); }
  bool requested() override;
  /// Which signal asked the run to stop.
  int signal() const { return signal_; }

  /// Returns when the front has passed on what the terminal sent before the fork of the engine, or
  /// when the run is asked to stop. What the front passes on later was sent to the engine, too, and
  /// to the job.
  void await_early_signals();

  enum class Witnesses { Taken, Refused, Cancelled };
  /// Until the front has taken so many witnesses, or reports that it cannot.
  Witnesses await_witnesses(std::size_t count);

 private:
  Channel& channel_;
  bool requested_ = false;
  bool had_early_signals_ = false;
  std::size_t witnesses_ = 0;
  bool witness_refused_ = false;
  int signal_ = SIGTERM;
};

}  // namespace dlock::supervise
