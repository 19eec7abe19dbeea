#include "report/hook.h"

#include "core/duration.h"
#include "core/signals.h"
#include "job/job_program.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/wait.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

namespace dlock {
namespace {

std::string described(int status) {
  if (WIFSIGNALED(status)) return "was terminated by " + signal_name(WTERMSIG(status));
  return WEXITSTATUS(status) == 0 ? "" : "exited with " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

HookEnd run_hook(const Hook& hook, const InheritedSignals& signals, SignalCancellation& end) {
  if (end.requested()) return {"was not run, because dlock was asked to stop"};
  const Fd input = memory_file(hook.input);
  JobProgram program{{.command = {"/bin/sh", "-c", hook.command},
                      .environment = hook.environment,
                      .left_out = {"DLOCK_SOCKET"},
                      .signals = signals,
                      .own_session = true}};
  if (!input.open()) return {std::string{"could not be run: "} + ::strerror(errno)};
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return {std::string{"could not be run: "} + ::strerror(errno)};
  if (child == 0) {
    ::dup2(input.number(), STDIN_FILENO);
    ::dup2(STDERR_FILENO, STDOUT_FILENO);
    program.become(parent, JobProgram::no_pipe, JobProgram::no_pipe);
  }

  const Instant until = BootClock::now() + hook.timeout;
  std::string killed;
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) return {killed.empty() ? described(status) : killed};
    if (ended < 0 && errno != EINTR) return {};
    std::array<pollfd, 1> watched{{{end.fd(), POLLIN, 0}}};
    wait_for_any(watched, killed.empty() ? until : never);
    const bool asked = end.requested();
    if (!killed.empty() || (!asked && BootClock::now() < until)) continue;
    killed = asked ? "was killed, because dlock was asked to stop"
                   : "did not end within " + to_text(hook.timeout) + " and was killed";
    ::kill(-child, SIGKILL);
    ::kill(child, SIGKILL);  // in case it has no session of its own yet
  }
}

}  // namespace dlock
