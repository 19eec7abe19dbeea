#pragma once

#include "core/ending.h"
#include "core/log.h"
#include "job/inherited.h"
#include "os/process.h"
#include "supervise/run_options.h"

namespace dlock::supervise {

/// Runs the job under its lock: becomes the front, forks the engine, and returns when no process of
/// the job is left (but for Orphans::Leave). `inherited` is what take_over_signals() found, first
/// thing in main; `arguments` is where the engine writes its name for ps(1).
///
/// The caller leaves by the status at once, through leave().
ExitStatus run(const RunOptions& options, const InheritedSignals& inherited,
               const ArgumentArea& arguments, Log& log);

/// Ends the process by that status: by the job's own signal, so that a shell sees what happened.
[[noreturn]] void leave(ExitStatus status);

}  // namespace dlock::supervise
