#include "job/tree_kill.h"

namespace dlock {
namespace {

using namespace std::chrono_literals;

constexpr Duration head_start_of_the_cgroup = 10ms;
constexpr Duration quiet_at_first = 2s;
constexpr Duration report_every = 1s;

}  // namespace

void TreeKill::begin(Instant now, Instant since) {
  report_at_ = since + quiet_at_first;
  if (cgroup_.exists()) {
    cgroup_.kill();
    next_ = now + head_start_of_the_cgroup;
  } else {
    sweep(now);
  }
}

void TreeKill::sweep(Instant now) {
  cgroup_.kill();
  tree_.kill_all();
  next_ = now + tree_.pause();
  if (now >= report_at_) {
    report_at_ = now + report_every;
    log_.error(std::string{"processes alive after SIGKILL: "} + tree_.survivors() +
               "; the lock is not released before they are gone");
  }
}

}  // namespace dlock
