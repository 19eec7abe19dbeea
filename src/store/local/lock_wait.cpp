#include "store/local/lock_wait.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dlock::local {

namespace {

/// Closes all other descriptors: a copy must not stay open here after the engine has died, because
/// an end-of-file reports its death to the front.
void keep_only(int a, int b) {
  const auto low = static_cast<unsigned>(std::min(a, b));
  const auto high = static_cast<unsigned>(std::max(a, b));
  if (low > 0) ::close_range(0, low - 1, 0);
  if (high > low + 1) ::close_range(low + 1, high - 1, 0);
  ::close_range(high + 1, ~0U, 0);
}

[[noreturn]] void wait_in_kernel(const LockWait::For& lock, int news, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::prctl(PR_SET_NAME, "dlock-waiter");
  keep_only(lock.fd, news);
  while (::flock(lock.fd, lock.operation) != 0) {
    if (errno != EINTR) break;  // the next attempt finds out
  }
  const char got = 1;
  [[maybe_unused]] const auto told = ::write(news, &got, sizeof got);
  ::_exit(0);
}

}  // namespace

std::unique_ptr<LockWait> LockWait::start(const std::vector<For>& locks) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return nullptr;
  std::unique_ptr<LockWait> wait{new LockWait{Fd{ends[0]}}};
  const Fd tell{ends[1]};
  const pid_t parent = ::getpid();
  for (const For& lock : locks) {
    const pid_t child = ::fork();
    if (child == 0) wait_in_kernel(lock, tell.number(), parent);
    if (child < 0) return nullptr;
    wait->waiting_.push_back(child);
  }
  return wait;
}

LockWait::~LockWait() { end(); }

bool LockWait::over() {
  std::array<char, 16> words;
  for (ssize_t count; (count = ::read(news_.number(), words.data(), words.size())) > 0;)
    done_ += static_cast<std::size_t>(count);
  return done_ == waiting_.size();
}

void LockWait::end() {
  for (const pid_t child : waiting_) ::kill(child, SIGKILL);
  for (const pid_t child : waiting_) {
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  waiting_.clear();
}

FileWatch::FileWatch(const std::vector<std::string>& paths)
    : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  for (const std::string& path : paths) {
    // IN_ATTRIB: removing a file that is still open does not delete it, but changes its link count.
    if (::inotify_add_watch(fd_.number(), path.c_str(),
                            IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF) < 0) {
      fd_.close();
      return;
    }
  }
}

void FileWatch::forget_what_happened() {
  std::array<char, 4096> ignored;
  while (::read(fd_.number(), ignored.data(), ignored.size()) > 0) {
  }
}

}  // namespace dlock::local
