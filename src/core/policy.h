#pragma once

#include "core/time.h"

#include <csignal>
#include <optional>

namespace dlock {

/// What happens when the store has been silent up to the deadline.
enum class OnSilence { Kill, Continue };

/// What happens to processes that the job's first process leaves behind.
enum class Orphans { Kill, Wait, Leave };

/// Who gets the signals that dlock passes on: the job's first process, or all of them.
enum class PassSignals { Command, Job };

/// What holds the job's processes together, beside the walk over the process tree.
enum class Containment { Auto, Walk, Cgroup, PidNamespace };

/// Tells the job that renewals have been failing for some time, before it is killed for that.
struct Warning {
  int signal = 0;
  Duration after{};
};

struct StopPolicy {
  /// What asks the job, or what it left behind, to end.
  int signal = SIGTERM;
  /// Between that and SIGKILL for what the job left behind.
  Duration leftovers_grace = std::chrono::seconds{2};
  /// Between a SIGTERM to dlock and SIGKILL for the job; nothing: the job takes as long as it
  /// takes.
  std::optional<Duration> kill_after;

  /// Between the signal and SIGKILL for a job that dlock itself ends. Nobody waits there to press
  /// Ctrl-C, so it is never without bound.
  Duration grace_when_dlock_ends_it() const {
    return kill_after.value_or(std::chrono::seconds{10});
  }
};

}  // namespace dlock
