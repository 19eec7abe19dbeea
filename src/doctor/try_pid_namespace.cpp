#include "doctor/try_pid_namespace.h"

#include "core/time.h"
#include "job/job_process.h"
#include "os/clock.h"
#include "os/poll.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <sys/wait.h>

namespace dlock::doctor {

std::string try_pid_namespace() {
  const JobSpec spec{.command = {"true"}, .environment = {}, .signals = {}, .pid_namespace = true};
  auto job = JobProcess::start(spec);
  if (!job) return job.error().what + " cannot be made: " + ::strerror(job.error().error);
  std::array<pollfd, 1> watched{{{job->exec_fd(), POLLIN, 0}}};
  const bool told = wait_for_any(watched, BootClock::now() + std::chrono::seconds{2});
  const auto failure = told ? job->birth_failure() : BirthFailure{.error = ETIMEDOUT};
  ::kill(job->child(), SIGKILL);  // and with it the whole namespace
  while (::waitpid(job->child(), nullptr, 0) < 0 && errno == EINTR) {
  }
  // The user is mapped before exec: a program that is not found was looked for inside.
  if (!failure || failure->error == ENOENT) return {};
  if (failure->step == BirthFailure::Step::Exec)
    return std::string{"a pid namespace cannot be entered: "} + ::strerror(failure->error);
  return why_not_born(*failure);
}

}  // namespace dlock::doctor
