#include "os/memory_access.h"

#include <sys/prctl.h>

namespace dlock {

MemoryAccess set_memory_access(MemoryAccess wanted) {
  constexpr int shown = 1;  // besides 0 there is 2, which the kernel alone can set: for root only
  const int before = ::prctl(PR_GET_DUMPABLE);
  ::prctl(PR_SET_DUMPABLE, wanted == MemoryAccess::Shown ? shown : 0);
  return before == shown ? MemoryAccess::Shown : MemoryAccess::Hidden;
}

}  // namespace dlock
