#pragma once

#include "cli/environment.h"
#include "cli/words.h"
#include "store/open.h"

namespace dlock::cli {

struct StoreSettings {
  StoreOptions options;
  /// Nothing was configured, so the embedded store is used: to be said once.
  bool is_default = false;
};

/// Which store, who we are to it and how it is checked: command line, then environment, then
/// configuration file. Reads the files that are named. Throws UsageError.
StoreSettings store_settings(const Words& words, const Environment& environment, Duration ttl);

}  // namespace dlock::cli
