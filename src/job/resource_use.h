#pragma once

#include "core/time.h"

namespace dlock {

/// The resources that all processes of the job have used together; the memory is that of the
/// largest process.
struct ResourceUse {
  Duration user{};
  Duration system{};
  long max_rss_kib = 0;
};

/// The resources used by all reaped children of this process, and by the children that those
/// reaped.
ResourceUse resource_use();

/// The later value minus the earlier one. The memory is that of the later value.
ResourceUse since(const ResourceUse& before, const ResourceUse& now);

}  // namespace dlock
