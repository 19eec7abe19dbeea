#pragma once

#include "job/job_program.h"
#include "os/fd.h"

#include <sys/types.h>

namespace dlock {

/// Who the job is to be inside: the same user as outside. Without privilege this takes a user
/// namespace, in which that one user exists and no other.
struct NamespaceUser {
  uid_t user;
  gid_t group;
  bool privileged;

  static NamespaceUser of_this_process();
  bool needs_user_namespace() const { return !privileged; }
};

/// The first process of the job's pid namespace: starts the job, reaps its orphans, passes signals
/// on and reports what the job's first process does. When it is killed the kernel kills all others
/// in the namespace, in one stroke; and PR_SET_PDEATHSIG kills it when the engine dies. That closes
/// the case that no other containment covers: both supervisors killed at once.
///
/// `link` takes signal numbers and gives RootReports; `prepared_pipe` ends as in
/// JobProgram::become.
[[noreturn]] void run_namespace_init(const NamespaceUser& user, Fd link, Fd exec_pipe,
                                     Fd prepared_pipe, JobProgram& program);

}  // namespace dlock
