#include "job/pid_namespace.h"

#include "job/inherited.h"
#include "job/job_process.h"
#include "job/missed_signals.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/process.h"
#include "os/wait.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <string>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace dlock {
namespace {

/// Writes the text in one write, as these files require; sets errno on failure.
bool write_file(const char* path, const std::string& text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  ::close(fd);
  errno = error;
  return written;
}

[[noreturn]] void give_up(const Fd& exec_pipe, StartFailure failure) {
  [[maybe_unused]] const auto sent = ::write(exec_pipe.number(), &failure, sizeof failure);
  ::_exit(127);
}

/// user_namespaces(7): an unprivileged process may map its own user and group, each to itself,
/// after it has given up setgroups(2). Returns 0, or the errno of the refused step.
int become_same_user(const NamespaceUser& user) {
  const auto map = [](auto id) { return std::to_string(id) + " " + std::to_string(id) + " 1"; };
  const MemoryAccess before = set_memory_access(MemoryAccess::Shown);  // else root owns these files
  const bool mapped = write_file("/proc/self/setgroups", "deny") &&
                      write_file("/proc/self/uid_map", map(user.user)) &&
                      write_file("/proc/self/gid_map", map(user.group));
  const int error = mapped ? 0 : errno;
  set_memory_access(before);
  return error;
}

/// Mounts a /proc that shows this namespace, so that $$, ps and kill agree inside. If the mount is
/// not allowed, the job sees the outer /proc.
void mount_own_proc() {
  // Slave: later mounts outside appear inside, but not the other way round.
  ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr);
  ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
}

class Init {
 public:
  Init(Fd link, pid_t root) : link_(std::move(link)), root_(root), signals_(make_signal_fd()) {}

  [[noreturn]] void run() {
    for (;;) {
      std::array<pollfd, 2> watched{{{link_.number(), POLLIN, 0}, {signals_.number(), POLLIN, 0}}};
      wait_for_any(watched, std::exchange(reap_again_at_, never));
      if (watched[1].revents != 0) drain_signals();
      reap();
      if (watched[0].revents != 0) pass_signals_on();
    }
  }

 private:
  void report(RootStatus::Kind kind, int value) {
    const RootStatus report{kind, value};
    ::send(link_.number(), &report, sizeof report, MSG_NOSIGNAL);
  }

  void drain_signals() {
    std::array<char, 4096> ignored;
    while (::read(signals_.number(), ignored.data(), ignored.size()) > 0) {
    }
  }

  void reap() {
    for (;;) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED | __WALL);
      if (pid < 0 && errno == ECHILD) ::_exit(0);  // no process is left; the engine sees the exit
      if (pid < 0) reap_again_at_ = BootClock::now() + std::chrono::milliseconds{100};
      if (pid <= 0) return;
      if (pid != root_) continue;
      if (WIFSTOPPED(status)) {
        report(RootStatus::Kind::Stopped, status);
      } else if (WIFCONTINUED(status)) {
        report(RootStatus::Kind::Continued, status);
      } else {
        report(RootStatus::Kind::Ended, status);
        root_ = -1;
      }
    }
  }

  void pass_signals_on() {
    int number = 0;
    for (;;) {
      const auto count = ::recv(link_.number(), &number, sizeof number, MSG_DONTWAIT);
      if (count == 0) ::_exit(0);  // the engine is gone; this exit kills the namespace
      if (count != static_cast<ssize_t>(sizeof number)) return;
      if (root_ > 0) ::kill(root_, number);
    }
  }

  Fd link_;
  pid_t root_;
  Fd signals_;
  Instant reap_again_at_ = never;
};

}  // namespace

NamespaceUser NamespaceUser::of_this_process() {
  return {::geteuid(), ::getegid(), ::geteuid() == 0};
}

void run_namespace_init(const NamespaceUser& user, Fd link, Fd exec_pipe, Fd prepared_pipe,
                        JobProgram& program) {
  // In a new pid namespace getppid() is 0, whether the parent lives or not. If the engine died
  // before PR_SET_PDEATHSIG took effect, the link is at its end.
  if (user.needs_user_namespace()) {
    if (const int error = become_same_user(user); error != 0)
      give_up(exec_pipe, {StartFailure::Step::MapUser, error});
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // after any change of user, which would clear it
  ::prctl(PR_SET_NAME, "dlock-init");
  make_up_for_missed_signals();
  prepared_pipe.close();
  mount_own_proc();
  EndOfPipe root_prepared;
  const pid_t root = ::fork();
  if (root == 0) program.become(1, exec_pipe.number(), root_prepared.writing());
  if (root < 0) give_up(exec_pipe, {StartFailure::Step::Fork, errno});
  exec_pipe.close();
  let_go_of_inherited_descriptors();
  root_prepared.wait();  // the command compares its pending signals with these: read none before
  Init{std::move(link), root}.run();
}

}  // namespace dlock
