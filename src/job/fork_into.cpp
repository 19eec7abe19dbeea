#include "job/fork_into.h"

#include <cerrno>
#include <csignal>
#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dlock {

pid_t fork_into(unsigned long long namespaces, int cgroup_directory) {
  clone_args arguments{};  // clone3(2) has no wrapper in glibc
  arguments.flags = namespaces;
  arguments.exit_signal = SIGCHLD;
  if (cgroup_directory >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<unsigned>(cgroup_directory);
  }
  const auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
  if (pid >= 0 || cgroup_directory >= 0) return pid;
  // Kernels before 5.3 lack clone3, and some filters of containers and units do not know it. They
  // refuse it with ENOSYS, EPERM or any other error, so the older call is tried after every error.
  return static_cast<pid_t>(::syscall(SYS_clone, namespaces | SIGCHLD, nullptr, 0, 0, 0));
}

}  // namespace dlock
