#pragma once

#include <csignal>
#include <initializer_list>
#include <sys/prctl.h>
#include <unistd.h>

namespace dlock::test {

/// Forks. The child is killed when the thread that forked it ends, even if that happened before the
/// child ran its first instruction, and after a minute in any case. An orphan would keep the output
/// of the test open, and ctest waits for that. doctest's signal handlers are not inherited.
inline pid_t fork_child() {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  for (const int number : {SIGTERM, SIGINT, SIGABRT, SIGSEGV, SIGALRM}) ::signal(number, SIG_DFL);
  ::alarm(60);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // the parent ended before prctl
  return 0;
}

/// Forks a child that waits for the signal that kills it.
inline pid_t fork_waiting_child() {
  const pid_t pid = fork_child();
  while (pid == 0) ::pause();
  return pid;
}

}  // namespace dlock::test
