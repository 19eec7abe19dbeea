#pragma once

#include "job/job_program.h"
#include "os/fd.h"

#include <sys/types.h>

namespace dlock {

/// The user of the job inside the namespace: the same as outside. Without privilege this needs a
/// user namespace, in which only this user exists.
struct NamespaceUser {
  uid_t user;
  gid_t group;
  bool privileged;

  static NamespaceUser of_this_process();
  bool needs_user_namespace() const { return !privileged; }
};

/// The first process of the job's pid namespace. It starts the job, reaps its orphans, passes
/// signals on, and reports what the command does. When it is killed, the kernel kills all other
/// processes of the namespace at once, and PR_SET_PDEATHSIG kills it when the engine dies. This
/// covers the one case that no other containment covers: both supervisors killed at once.
///
/// `link` takes signal numbers and returns RootStatus messages; the last writer of `prepared_pipe`
/// is closed as in JobProgram::become.
[[noreturn]] void run_namespace_init(const NamespaceUser& user, Fd link, Fd exec_pipe,
                                     Fd prepared_pipe, JobProgram& program);

}  // namespace dlock
