#pragma once

#include "cli/environment.h"
#include "cli/words.h"
#include "heartbeat/service_manager.h"

namespace dlock::cli {

/// What the manager of services that started us has set in our environment, and --ready.
ManagerSetting manager_of(const Words& words, const Environment& environment);

}  // namespace dlock::cli
