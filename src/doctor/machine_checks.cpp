#include "doctor/machine_checks.h"

#include "core/time.h"
#include "job/cgroup.h"
#include "job/fork_into.h"
#include "job/job_process.h"
#include "os/bare_call.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/proc.h"
#include "os/wait.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <linux/capability.h>
#include <sstream>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dlock::doctor {

namespace {

std::string error_text() { return ::strerror(errno); }

/// The first line of a file, without its end.
std::string line_in(const char* path) {
  const std::string text = read_file(path);
  return text.substr(0, text.find('\n'));
}

Finding check_boot_clock() {
  KernelTime time{};
  const long error = bare_call(SYS_clock_gettime, CLOCK_BOOTTIME, as_argument(&time));
  if (error == 0) return {.check = "boot clock", .fact = "CLOCK_BOOTTIME is available"};
  return {
      .check = "boot clock",
      .verdict = Verdict::Broken,
      .fact = "CLOCK_BOOTTIME cannot be read: " + std::string{::strerror(static_cast<int>(-error))},
      .meaning = "dlock cannot keep a deadline",
      .remedy = "use Linux 2.6.39 or later, and no sandbox that forbids it"};
}

/// Starts true(1) in a pid namespace like --contain=pidns: a system that permits namespaces can
/// still forbid that the user is mapped into one. Empty if it worked, else the reason.
std::string try_pid_namespace() {
  const JobSpec spec{.command = {"true"}, .environment = {}, .signals = {}, .pid_namespace = true};
  auto job = JobProcess::start(spec);
  if (!job) return job.error().what + ": " + ::strerror(job.error().error);
  std::array<pollfd, 1> watched{{{job->exec_fd(), POLLIN, 0}}};
  const bool told = wait_for_any(watched, BootClock::now() + std::chrono::seconds{2});
  const auto failure = told ? job->start_failure() : StartFailure{.error = ETIMEDOUT};
  ::kill(job->child(), SIGKILL);  // and with it the whole namespace
  while (::waitpid(job->child(), nullptr, 0) < 0 && errno == EINTR) {
  }
  // The user is mapped before exec: if exec does not find the program, the process was already
  // inside.
  if (!failure || failure->error == ENOENT) return {};
  if (failure->step == StartFailure::Step::Exec)
    return std::string{"cannot enter a pid namespace: "} + ::strerror(failure->error);
  return why_not_started(*failure);
}

Finding check_subreaper() {
  const bool works = ::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
  if (works) ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  if (works) return {.check = "subreaper", .fact = "dlock becomes the parent of a job's orphans"};
  return {.check = "subreaper",
          .verdict = Verdict::Broken,
          .fact = "prctl(PR_SET_CHILD_SUBREAPER) fails: " + error_text(),
          .meaning = "dlock cannot find and kill processes that leave their parent",
          .remedy = "use Linux 3.4 or later, and no sandbox that forbids it"};
}

Finding check_pidfd() {
  const Fd pidfd{static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0))};
  if (pidfd.open())
    return {.check = "pidfd", .fact = "dlock signals processes by pidfd, safe from pid reuse"};
  return {.check = "pidfd",
          .verdict = Verdict::Weak,
          .fact = "pidfd_open fails: " + error_text(),
          .meaning = "dlock kills by pid, which the kernel may have reused by then",
          .remedy = "use Linux 5.3 or later, and no sandbox that forbids it"};
}

Finding check_process_tree() {
  const Proc proc;
  const Listing listing = proc.listing();
  Finding finding{.check = "process tree", .fact = "/proc lists the children of each process"};
  if (listing == Listing::None) {
    finding.verdict = Verdict::Broken;
    finding.fact = proc.why_unusable();
    finding.meaning = "dlock cannot find and kill the processes of a job";
    finding.remedy = Proc::remedy;
  } else if (listing == Listing::Scan) {
    finding.verdict = Verdict::Note;
    finding.fact = "/proc has no lists of children (CONFIG_PROC_CHILDREN)";
    finding.meaning = "dlock scans all processes to find those of a job: slower on a busy machine";
    finding.remedy = "use a kernel with CONFIG_PROC_CHILDREN";
  } else if (::getpid() != 1 && !proc.examine(1)) {
    finding.verdict = Verdict::Note;
    finding.fact = "/proc hides the processes of other users (hidepid)";
    finding.meaning = "dlock finds a set-user-ID process of a job only in its parent's list";
    finding.remedy = "mount /proc without hidepid, if jobs use such programs";
  }
  return finding;
}

/// Starts a process in the cgroup, like a job: a system that permits creating the directory can
/// still forbid that. Empty if it worked, else the reason.
std::string try_birth_in(const Cgroup& cgroup) {
  const pid_t child = fork_into(0, cgroup.directory().number());
  if (child == 0) ::_exit(0);
  if (child < 0) return "cannot start a process in '" + cgroup.path() + "': " + error_text();
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return {};
}

std::string why_no_cgroup() {
  auto cgroup = Cgroup::make();
  if (!cgroup) return cgroup.error();
  std::string why_not = try_birth_in(*cgroup);
  cgroup->remove();
  return why_not;
}

Finding check_cgroup() {
  const std::string why_not = why_no_cgroup();
  if (why_not.empty())
    return {.check = "cgroup", .fact = "each job gets its own cgroup, which is killed as a whole"};
  return {.check = "cgroup",
          .verdict = Verdict::Note,
          .fact = why_not,
          .meaning =
              "dlock kills a job by walking its process tree: a fork bomb takes longer, and dlock "
              "may not be allowed to kill a process that became root",
          .remedy = "run dlock in a systemd unit with Delegate=yes, or as root, if jobs do that"};
}

Finding check_pid_namespace() {
  const std::string why_not = try_pid_namespace();
  if (why_not.empty()) return {.check = "pid namespace", .fact = "--contain=pidns is available"};
  return {.check = "pid namespace",
          .verdict = Verdict::Note,
          .fact = why_not,
          .meaning =
              "--contain=pidns is not available; only that kills the job if both processes of "
              "dlock are killed at the same instant",
          .remedy =
              "run as root, or allow user namespaces (kernel.unprivileged_userns_clone, "
              "user.max_user_namespaces, AppArmor); or use a systemd unit"};
}

/// Not by the user id: root of a container can lack the capability.
bool may_kill_everybody() {
  std::istringstream lines{read_file("/proc/self/status")};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("CapEff:")) continue;
    const auto bits = std::strtoull(line.c_str() + 7, nullptr, 16);
    return (bits >> CAP_KILL & 1) != 0;
  }
  return ::geteuid() == 0;
}

Finding check_user() {
  const std::string who = "user id " + std::to_string(::geteuid());
  if (may_kill_everybody()) return {.check = "user", .fact = who + ", which can kill any process"};
  return {.check = "user",
          .verdict = Verdict::Note,
          .fact = who + ", which can kill its own processes only",
          .meaning =
              "dlock cannot kill a job that becomes another user (sudo, su, a set-user-ID "
              "program); it then keeps the lock",
          .remedy = "run dlock as root, or with a writable cgroup, for such jobs"};
}

/// dlock traces no process, and ptrace_scope does not restrict what it reads in /proc; included
/// because users ask.
Finding check_ptrace() {
  const std::string scope = line_in("/proc/sys/kernel/yama/ptrace_scope");
  return {.check = "ptrace",
          .fact = (scope.empty() ? std::string{"no Yama"} : "ptrace_scope " + scope) +
                  "; dlock does not use ptrace"};
}

}  // namespace

Finding judge_clock_source(const std::string& name) {
  Finding finding{.check = "clock source", .fact = name};
  const bool paravirtual = name == "xen" || name.starts_with("hyperv");
  if (name == "kvm-clock") {
    finding.verdict = Verdict::Weak;
    finding.meaning =
        "no clock in the virtual machine shows a pause of it: after a pause the job can run beside "
        "another holder until the reply to its first renewal";
    finding.remedy =
        "use clocksource=tsc, if the host keeps it stable; otherwise check fencing tokens";
  } else if (paravirtual) {
    finding.verdict = Verdict::Note;
    finding.meaning =
        "the clock may not show a pause of the virtual machine: then the job can continue until "
        "the reply to its first renewal";
    finding.remedy = "check fencing tokens where that is too long";
  } else if (name.empty()) {
    finding.verdict = Verdict::Note;
    finding.fact = "unknown: /sys does not name it";
    finding.meaning = "kvm-clock does not show a pause of the virtual machine";
    finding.remedy = "check it outside this container";
  }
  return finding;
}

Findings check_machine() {
  return {check_boot_clock(),
          judge_clock_source(
              line_in("/sys/devices/system/clocksource/clocksource0/current_clocksource")),
          check_subreaper(),
          check_pidfd(),
          check_process_tree(),
          check_cgroup(),
          check_pid_namespace(),
          check_user(),
          check_ptrace()};
}

}  // namespace dlock::doctor
