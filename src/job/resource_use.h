#pragma once

#include "core/time.h"

namespace dlock {

/// What the job's processes have used up, all together; the memory is that of the largest one.
struct ResourceUse {
  Duration user{};
  Duration system{};
  long max_rss_kib = 0;
};

/// What all processes that we have waited for, and those that they have waited for, have used up.
ResourceUse resource_use();

/// The later figure without the earlier one, but for the memory.
ResourceUse since(const ResourceUse& before, const ResourceUse& now);

}  // namespace dlock
