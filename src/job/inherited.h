#pragma once

#include "core/front_rules.h"
#include "os/fd.h"

#include <csignal>

namespace dlock {

/// The signal state in which dlock was started, to be given to the job unchanged.
struct InheritedSignals {
  sigset_t mask{};
  struct sigaction sigchld {};
  front::SignalSet ignored;
};

/// First thing in main: blocks every signal but the kernel's own faults, so that they are read from
/// a signalfd, and sets SIGCHLD to its default, for with SIG_IGN there would be no wait status.
InheritedSignals take_over_signals();

/// A signalfd, close-on-exec and non-blocking, for all signals that take_over_signals() blocked.
/// Throws std::system_error.
int make_signal_fd();

/// What a signalfd reads: with AllButStop a SIGTSTP stays pending.
enum class Reading { All, AllButStop };
void read_signals_from(const Fd& signal_fd, Reading reading);

/// Opens /dev/null for each of 0, 1 and 2 that is closed. Otherwise a socket of ours would get the
/// number, and the job would write its output into it.
void open_missing_standard_descriptors();

/// Lets go of stdin, stdout and every descriptor that came from the caller, but for stderr: a
/// reader of the job's output must see the job's end, not ours. Ours are the close-on-exec ones,
/// for none of those came through exec.
void let_go_of_inherited_descriptors();

}  // namespace dlock
