#pragma once

#include "core/time.h"

#include <csignal>
#include <optional>

namespace dlock {

/// What happens when the store has not answered up to the deadline.
enum class OnSilence { Kill, Continue };

/// What happens to processes that the command leaves behind.
enum class Orphans { Kill, Wait, Leave };

/// The receiver of the signals that dlock passes on: the command, or the whole job.
enum class PassSignals { Command, Job };

/// What contains the job's processes, besides the walk over the process tree.
enum class Containment { Auto, Walk, Cgroup, PidNamespace };

/// Signals the job when renewals have failed for some time, before it is killed for that.
struct Warning {
  int signal = 0;
  Duration after{};
};

struct StopPolicy {
  /// The signal that asks the job, or its leftovers, to end.
  int signal = SIGTERM;
  /// The time between that signal and SIGKILL for the leftovers of the command.
  Duration leftovers_grace = std::chrono::seconds{2};
  /// The time between a SIGTERM to dlock and SIGKILL for the job; nothing: no limit.
  std::optional<Duration> kill_after;

  /// The time between the signal and SIGKILL for a job that dlock itself ends. No user waits there
  /// to press Ctrl-C, so it is always bounded.
  Duration grace_when_dlock_ends_it() const {
    return kill_after.value_or(std::chrono::seconds{10});
  }
};

}  // namespace dlock
