#include "job/resource_use.h"

#include <sys/resource.h>

namespace dlock {
namespace {

Duration duration_of(const timeval& time) {
  return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
}

}  // namespace

ResourceUse resource_use() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  return {duration_of(usage.ru_utime), duration_of(usage.ru_stime), usage.ru_maxrss};
}

ResourceUse since(const ResourceUse& before, const ResourceUse& now) {
  return {now.user - before.user, now.system - before.system, now.max_rss_kib};
}

}  // namespace dlock
