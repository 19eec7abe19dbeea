#pragma once

#include "cli/environment.h"
#include "cli/words.h"
#include "store/open.h"

namespace dlock::cli {

struct StoreSettings {
  StoreOptions options;
  /// Nothing was configured, so the embedded store is used; this is logged once.
  bool is_default = false;
};

/// Determines the store, the login and the TLS checks, from the command line, then the environment,
/// then the configuration file. Reads the files that are named. Throws UsageError.
StoreSettings store_settings(const Words& words, const Environment& environment, Duration ttl);

}  // namespace dlock::cli
