#pragma once

#include "core/front_rules.h"
#include "os/fd.h"

#include <csignal>

namespace dlock {

/// The signal state in which dlock was started; the job gets it unchanged.
struct InheritedSignals {
  sigset_t mask{};
  struct sigaction sigchld {};
  front::SignalSet ignored;
};

/// main calls this first. Blocks every signal except the kernel's own faults, so that signals are
/// read from a signalfd. Sets SIGCHLD to its default, because with SIG_IGN there would be no wait
/// status.
InheritedSignals take_over_signals();

/// Returns a signalfd, close-on-exec and non-blocking, for all signals that take_over_signals()
/// blocked. Throws std::system_error.
int make_signal_fd();

/// What a signalfd reads: with AllButStop a SIGTSTP stays pending.
enum class Reading { All, AllButStop };
void read_signals_from(const Fd& signal_fd, Reading reading);

/// Opens /dev/null for each of 0, 1 and 2 that is closed. Otherwise a socket of dlock would get the
/// number, and the job would write its output into the socket.
void open_missing_standard_descriptors();

/// Replaces stdin and stdout by /dev/null and closes every descriptor that came from the caller,
/// except stderr: a reader of the job's output must see the end of the job, not that of dlock. The
/// close-on-exec descriptors belong to dlock and stay, because no inherited descriptor has that
/// flag.
void let_go_of_inherited_descriptors();

}  // namespace dlock
