#include "os/process.h"

#include <algorithm>
#include <cstring>
#include <sys/prctl.h>
#include <sys/stat.h>

namespace dlock {

ArgumentArea ArgumentArea::of(int argc, char** argv) {
  if (argc < 1) return {};
  // The kernel stores the arguments contiguously, but argv can have been changed since.
  ArgumentArea area{argv[0], argv[0]};
  for (int i = 0; i < argc && argv[i] == area.end; ++i)
    area.end = argv[i] + std::strlen(argv[i]) + 1;
  return area;
}

void set_process_title(const ArgumentArea& area, const std::string& name,
                       const std::string& title) {
  ::prctl(PR_SET_NAME, name.c_str());
  if (area.begin == nullptr || area.end <= area.begin) return;
  const auto room = static_cast<std::size_t>(area.end - area.begin);
  std::memset(area.begin, 0, room);
  std::memcpy(area.begin, title.data(), std::min(title.size(), room - 1));
}

MemoryAccess set_memory_access(MemoryAccess wanted) {
  constexpr int shown = 1;  // besides 0 there is 2 (root only), which only the kernel can set
  const int before = ::prctl(PR_GET_DUMPABLE);
  ::prctl(PR_SET_DUMPABLE, wanted == MemoryAccess::Shown ? shown : 0);
  return before == shown ? MemoryAccess::Shown : MemoryAccess::Hidden;
}

bool time_namespace_begins_with_children() {
  struct stat ours {};
  struct stat of_children {};
  // If missing: a kernel without time namespaces.
  return ::stat("/proc/self/ns/time", &ours) == 0 &&
         ::stat("/proc/self/ns/time_for_children", &of_children) == 0 &&
         (ours.st_ino != of_children.st_ino || ours.st_dev != of_children.st_dev);
}

}  // namespace dlock
