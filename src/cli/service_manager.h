#pragma once

#include "cli/environment.h"
#include "cli/words.h"
#include "supervise/service_manager.h"

namespace dlock::cli {

/// What the manager of services that started us has set in our environment, and --ready.
supervise::ManagerSetting manager_of(const Words& words, const Environment& environment);

}  // namespace dlock::cli
