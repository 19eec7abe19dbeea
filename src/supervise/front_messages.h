#pragma once

#include "core/call_deadline.h"
#include "supervise/channel.h"

#include <csignal>
#include <cstddef>
#include <optional>
#include <utility>

namespace dlock::supervise {

/// The messages that the front sends to the engine before there is a job. Cancels a call to the
/// store when the front passes on a signal that asks the run to stop, or when the front is gone.
class FrontMessages final : public Cancellation {
 public:
  explicit FrontMessages(Channel& channel) : channel_(channel) {}
  int fd() const override { return channel_.fd(); }
  bool requested() override;
  /// The signal that asked the run to stop.
  int signal() const { return signal_; }

  /// Returns when the front has passed on the signals that the terminal sent before the fork of the
  /// engine, or when the run is asked to stop. A signal of the terminal that the front passes on
  /// later was also sent to the engine and to the job.
  void await_early_signals();

  enum class Descriptors { Taken, Refused, Cancelled };
  /// Waits until the front has confirmed `count` lock descriptors, or reports that it cannot take
  /// one.
  Descriptors await_descriptors(std::size_t count);

  /// Waits for the front's Cgroup message, or until the run is asked to stop.
  void await_cgroup();
  /// The Cgroup message, if it has arrived and was not taken yet.
  std::optional<Message> take_cgroup() { return std::exchange(cgroup_, {}); }

 private:
  Channel& channel_;
  bool requested_ = false;
  bool had_early_signals_ = false;
  std::size_t descriptors_taken_ = 0;
  bool descriptor_refused_ = false;
  std::optional<Message> cgroup_;
  int signal_ = SIGTERM;
};

}  // namespace dlock::supervise
