#pragma once

#include "report/report.h"

namespace dlock {

/// What all processes that we have waited for, and those that they have waited for, have used up.
ResourceUse resource_use();

/// The later figure without the earlier one, but for the memory.
ResourceUse since(const ResourceUse& before, const ResourceUse& now);

}  // namespace dlock
