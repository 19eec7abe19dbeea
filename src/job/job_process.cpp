#include "job/job_process.h"

#include "job/borrowed_fork.h"
#include "job/pid_namespace.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <linux/sched.h>
#include <memory>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace dlock {
namespace {

/// Everything that the child needs, behind one pointer.
struct Birth {
  JobProgram program;
  pid_t parent;
  int exec_pipe;
  int prepared_pipe;

  static constexpr std::size_t stack_size = 65536;
  std::unique_ptr<std::byte[]> stack = std::make_unique_for_overwrite<std::byte[]>(stack_size);
};

void be_born(void* birth) {
  auto& born = *static_cast<Birth*>(birth);
  born.program.become(born.parent, born.exec_pipe, born.prepared_pipe);
}

/// fork(2) into new namespaces.
pid_t fork_into(unsigned long long namespaces) {
  clone_args arguments{};
  arguments.flags = namespaces;
  arguments.exit_signal = SIGCHLD;
  const auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
  if (pid >= 0 || errno != ENOSYS) return pid;
  // The older clone(2); the clone(3) of glibc requires a function and a stack for the child.
  return static_cast<pid_t>(::syscall(SYS_clone, namespaces | SIGCHLD, nullptr, 0, 0, 0));
}

}  // namespace

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

  // Never freed: the child reads it until exec succeeds or the child dies, whatever happens in this
  // process.
  auto* birth =
      new Birth{JobProgram{std::move(spec)}, ::getpid(), exec_write.number(), prepared.writing()};
  job.child_ = borrowed_fork(be_born, birth, {birth->stack.get(), Birth::stack_size}, cgroup);
  if (job.child_ < 0) return Refusal{errno, "fork"};
  prepared.wait();
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
