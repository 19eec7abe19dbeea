#pragma once

#include "core/ending.h"
#include "core/log.h"
#include "job/inherited.h"
#include "os/process.h"
#include "supervise/run_options.h"

namespace dlock::supervise {

/// Runs the job under its lock: becomes the front, forks the engine, and returns when no process of
/// the job is left (with Orphans::Leave, descendants can be left). `inherited` is the result of
/// take_over_signals(), which main calls first; `arguments` is the area where the engine writes its
/// name for ps(1). Throws std::system_error if the system refuses a resource before the job starts.
///
/// The caller must pass the status to leave() at once.
ExitStatus run(const RunOptions& options, const InheritedSignals& inherited,
               const ArgumentArea& arguments, Log& log);

/// Ends the process with this status. If a signal ended the command, dlock ends by the same signal,
/// so that a shell sees what happened.
[[noreturn]] void leave(ExitStatus status);

}  // namespace dlock::supervise
