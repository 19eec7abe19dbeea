#include "job/job_process.h"

#include "job/fork_into.h"
#include "job/pid_namespace.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace dlock {

Result<JobProcess, JobProcess::Refusal> JobProcess::start(JobSpec spec) {
  std::array<int, 2> exec_pipe{};
  if (::pipe2(exec_pipe.data(), O_CLOEXEC) != 0) return Refusal{errno, "pipe"};
  JobProcess job;
  job.exec_ = Fd{exec_pipe[0]};
  Fd exec_write{exec_pipe[1]};
  EndOfPipe prepared;
  const int cgroup = spec.cgroup_directory;
  if (spec.pid_namespace)
    return start_in_namespace(std::move(job), JobProgram{std::move(spec)}, std::move(exec_write),
                              std::move(prepared));

  JobProgram program{std::move(spec)};
  const pid_t parent = ::getpid();
  job.child_ = fork_into(0, cgroup);
  if (job.child_ == 0) program.become(parent, exec_write.number(), prepared.writing());
  if (job.child_ < 0) return Refusal{errno, "fork"};
  prepared.wait();  // the command compares its pending signals with these: read none before
  return job;
}

Result<JobProcess, JobProcess::Refusal> JobProcess::start_in_namespace(JobProcess job,
                                                                       JobProgram program,
                                                                       Fd exec_write,
                                                                       EndOfPipe prepared) {
  std::array<int, 2> link{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link.data()) != 0) {
    return Refusal{errno, "socketpair"};
  }
  Fd init_end{link[1]};
  job.reports_ = Fd{link[0]};
  job.through_init_ = true;
  const NamespaceUser user = NamespaceUser::of_this_process();
  job.child_ =
      fork_into(CLONE_NEWPID | CLONE_NEWNS | (user.needs_user_namespace() ? CLONE_NEWUSER : 0u));
  if (job.child_ < 0) return Refusal{errno, "cannot create a pid namespace"};
  if (job.child_ == 0) {
    job.reports_.close();
    job.exec_.close();
    run_namespace_init(user, std::move(init_end), std::move(exec_write), prepared.take_writing(),
                       program);
  }
  prepared.wait();
  return job;
}

std::optional<StartFailure> JobProcess::start_failure() {
  StartFailure failure;
  ssize_t count = -1;
  do {
    count = ::read(exec_.number(), &failure, sizeof failure);
  } while (count < 0 && errno == EINTR);
  exec_.close();
  if (count != static_cast<ssize_t>(sizeof failure)) return {};
  return failure;
}

std::optional<RootStatus> JobProcess::take_report() {
  RootStatus report{};
  const auto count = ::recv(reports_.number(), &report, sizeof report, MSG_DONTWAIT);
  if (count == static_cast<ssize_t>(sizeof report)) return report;
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) reports_.close();
  return {};
}

void JobProcess::signal(int number) {
  if (through_init_) {
    ::send(reports_.number(), &number, sizeof number, MSG_NOSIGNAL | MSG_DONTWAIT);
  } else {
    ::kill(child_, number);
  }
}

}  // namespace dlock
