#include "supervise/job_process.h"

#include "supervise/pid_namespace.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dlock::supervise {
namespace {

/// fork(2) into a cgroup or new namespaces; plain fork() when neither is wanted. Raw, so that
/// glibc's fork handlers do not run: the child makes system calls and execs.
pid_t fork_into(unsigned long long namespaces, int cgroup_directory) {
  if (namespaces == 0 && cgroup_directory < 0) return ::fork();
  clone_args arguments{};
  arguments.flags = namespaces;
  arguments.exit_signal = SIGCHLD;
  if (cgroup_directory >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<unsigned>(cgroup_directory);
  }
  return static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

/// systemd and others name by pid the process for which a variable is meant. They meant the job.
void pass_on_pid_variable(const char* name, pid_t front) {
  const char* value = ::getenv(name);
  if (value != nullptr && std::to_string(front) == value)
    ::setenv(name, std::to_string(::getpid()).c_str(), 1);
}

[[noreturn]] void fail(int exec_pipe, int error) {
  [[maybe_unused]] const auto sent = ::write(exec_pipe, &error, sizeof error);
  ::_exit(127);
}

/// Turns the forked child into the job. Never returns.
[[noreturn]] void become_job(const JobSpec& spec, pid_t parent, int exec_pipe) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // it died before the line above took effect
  if (spec.own_session) ::setsid();
  for (const auto& [name, value] : spec.environment) ::setenv(name.c_str(), value.c_str(), 1);
  for (const char* name : {"LISTEN_PID", "WATCHDOG_PID"}) pass_on_pid_variable(name, spec.front);

  std::vector<char*> words;
  for (const std::string& word : spec.command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  give_back_signals(spec.signals);
  ::execvp(words.front(), words.data());
  fail(exec_pipe, errno);
}

}  // namespace

Result<JobProcess, JobProcess::Refusal> JobProcess::start(const JobSpec& spec) {
  std::array<int, 2> exec_pipe{};
  if (::pipe2(exec_pipe.data(), O_CLOEXEC) != 0) return Refusal{errno, "pipe"};
  Fd exec_write{exec_pipe[1]};
  JobProcess job;
  job.exec_ = Fd{exec_pipe[0]};
  job.through_init_ = spec.pid_namespace;
  const pid_t engine = ::getpid();

  if (!spec.pid_namespace) {
    job.child_ = fork_into(0, spec.cgroup_directory);
    if (job.child_ < 0) return Refusal{errno, "fork"};
    if (job.child_ == 0) become_job(spec, engine, exec_write.number());
    return job;
  }

  std::array<int, 2> link{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link.data()) != 0)
    return Refusal{errno, "socketpair"};
  Fd init_end{link[1]};
  job.reports_ = Fd{link[0]};
  const NamespaceUser user = NamespaceUser::of_this_process();
  job.child_ =
      fork_into(CLONE_NEWPID | CLONE_NEWNS | (user.needs_user_namespace() ? CLONE_NEWUSER : 0u),
                spec.cgroup_directory);
  if (job.child_ < 0) return Refusal{errno, "a new pid namespace"};
  if (job.child_ == 0) {
    job.reports_.close();
    job.exec_.close();
    run_namespace_init(
        user, std::move(init_end), std::move(exec_write),
        [&](pid_t parent, int exec_error_pipe) { become_job(spec, parent, exec_error_pipe); });
  }
  return job;
}

int JobProcess::exec_error() {
  int error = 0;
  ssize_t count = -1;
  do {
    count = ::read(exec_.number(), &error, sizeof error);
  } while (count < 0 && errno == EINTR);
  exec_.close();
  return count == static_cast<ssize_t>(sizeof error) ? error : 0;
}

std::optional<RootReport> JobProcess::take_report() {
  RootReport report{};
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

}  // namespace dlock::supervise
