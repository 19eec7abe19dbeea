#pragma once

#include "core/result.h"
#include "operate/screen.h"
#include "supervise/run_options.h"

#include <string>

namespace dlock::cli {

/// What `--dry-run` prints, and its exit code: that of a run that is refused the lock, or that
/// cannot find (127) or execute (126) its command; otherwise 0.
struct DryRun {
  std::string text;
  int exit_code = 0;
};

/// Asks the store for the holders of the lock. Acquires nothing and starts nothing.
Result<DryRun, StoreFault> dry_run(const supervise::RunOptions& options,
                                   const operate::Screen& screen);

}  // namespace dlock::cli
