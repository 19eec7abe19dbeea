#include "job/inherited.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace dlock {
namespace {

sigset_t blocked_signals() {
  sigset_t set;
  ::sigfillset(&set);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS})
    ::sigdelset(&set, fault);
  return set;
}

/// Returns the numbers of all open descriptors.
std::vector<int> open_descriptors() {
  std::vector<int> numbers;
  if (const std::unique_ptr<DIR, int (*)(DIR*)> directory{::opendir("/proc/self/fd"), ::closedir}) {
    while (const dirent* entry = ::readdir(directory.get())) {
      if (entry->d_name[0] != '.') numbers.push_back(std::atoi(entry->d_name));
    }
    return numbers;
  }
  const long most = std::min(::sysconf(_SC_OPEN_MAX), 65536L);
  for (int number = 0; number < most; ++number) numbers.push_back(number);
  return numbers;
}

}  // namespace

InheritedSignals take_over_signals() {
  InheritedSignals inherited;
  const sigset_t blocked = blocked_signals();
  ::sigprocmask(SIG_SETMASK, &blocked, &inherited.mask);
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  ::sigaction(SIGCHLD, &standard, &inherited.sigchld);
  for (int number = 1; number <= SIGRTMAX; ++number) {
    struct sigaction current {};
    if (::sigaction(number, nullptr, &current) == 0 && current.sa_handler == SIG_IGN)
      inherited.ignored.set(static_cast<std::size_t>(number));
  }
  return inherited;
}

int make_signal_fd() {
  const sigset_t blocked = blocked_signals();
  const int fd = ::signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "signalfd");
  return fd;
}

void read_signals_from(const Fd& signal_fd, Reading reading) {
  sigset_t signals = blocked_signals();
  if (reading == Reading::AllButStop) ::sigdelset(&signals, SIGTSTP);
  ::signalfd(signal_fd.number(), &signals, 0);
}

void open_missing_standard_descriptors() {
  for (int number = 0; number <= 2; ++number) {
    if (::fcntl(number, F_GETFD) == -1 && errno == EBADF) {
      // The kernel returns the lowest free number, which is the missing one.
      [[maybe_unused]] const int opened =
          ::open("/dev/null", O_RDWR);  // the job inherits it: no O_CLOEXEC
    }
  }
}

void let_go_of_inherited_descriptors() {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null >= 0) {
    ::dup2(null, 0);
    ::dup2(null, 1);
    ::close(null);
  }
  for (const int number : open_descriptors()) {
    if (number <= 2) continue;
    const int flags = ::fcntl(number, F_GETFD);
    if (flags != -1 && (flags & FD_CLOEXEC) == 0) ::close(number);
  }
}

}  // namespace dlock
