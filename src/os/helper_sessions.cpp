#include "os/helper_sessions.h"

#include <mutex>

namespace dlock {
namespace {

std::mutex mutex;
std::set<pid_t> leaders;  // guarded by mutex

}  // namespace

void add_helper_session(pid_t leader) {
  const std::lock_guard lock{mutex};
  leaders.insert(leader);
}

void remove_helper_session(pid_t leader) {
  const std::lock_guard lock{mutex};
  leaders.erase(leader);
}

std::set<pid_t> helper_sessions() {
  const std::lock_guard lock{mutex};
  return leaders;
}

}  // namespace dlock
