#pragma once

#include "core/result.h"
#include "operate/screen.h"
#include "supervise/run_options.h"

#include <string>

namespace dlock::cli {

/// What `--dry-run` prints, and the exit code that the run would have had if it ended at once: that
/// for a held lock, 127 or 126 for a command that cannot be found or executed, otherwise 0.
struct DryRun {
  std::string text;
  int exit_code = 0;
};

/// Asks the store for the holders of the lock. Acquires nothing and starts nothing.
Result<DryRun, StoreFault> dry_run(const supervise::RunOptions& options,
                                   const operate::Screen& screen);

}  // namespace dlock::cli
