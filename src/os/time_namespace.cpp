#include "os/time_namespace.h"

#include <sys/stat.h>

namespace dlock {

bool time_namespace_begins_with_children() {
  struct stat ours {};
  struct stat of_children {};
  // Not there: a kernel without time namespaces.
  return ::stat("/proc/self/ns/time", &ours) == 0 &&
         ::stat("/proc/self/ns/time_for_children", &of_children) == 0 &&
         (ours.st_ino != of_children.st_ino || ours.st_dev != of_children.st_dev);
}

}  // namespace dlock
