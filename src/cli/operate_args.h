#pragma once

#include "cli/args.h"
#include "cli/words.h"

namespace dlock::cli {

/// The checked arguments of the operator sub-commands. Each function throws UsageError.
ShowCommand status_command(const Words& words, const CommandLine& line,
                           const Environment& environment);
ShowCommand list_command(const Words& words, const CommandLine& line,
                         const Environment& environment);
UnlockCommand unlock_command(const Words& words, const CommandLine& line,
                             const Environment& environment);

}  // namespace dlock::cli
