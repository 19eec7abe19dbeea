#include "job/job_program.h"

#include "job/missed_signals.h"
#include "os/clock.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dlock {
namespace {

std::string_view name_of(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

char* writable(const std::string& text) { return const_cast<char*>(text.c_str()); }

constexpr const char* shell = "/bin/sh";

/// Whether the search goes on with the next directory of PATH after this error, as in glibc.
bool goes_on_looking(int error) {
  return error == EACCES || error == ENOENT || error == ENOTDIR || error == ENODEV ||
         error == ESTALE || error == ETIMEDOUT;
}

}  // namespace

JobProgram::JobProgram(JobSpec spec) : spec_(std::move(spec)) {
  for (const std::string& word : spec_.command) words_.push_back(writable(word));
  words_.push_back(nullptr);
  script_words_ = words_;
  script_words_.insert(script_words_.begin(), const_cast<char*>(shell));
  paths_ = paths_of(spec_.command.front());

  for (const auto& [name, value] : spec_.environment) set_variables_.push_back(name + "=" + value);
  const auto is_set_by_us = [this](std::string_view name) {
    return std::any_of(set_variables_.begin(), set_variables_.end(),
                       [&](const std::string& variable) { return name_of(variable) == name; });
  };
  const auto is_left_out = [this](std::string_view name) {
    return std::find(spec_.left_out.begin(), spec_.left_out.end(), name) != spec_.left_out.end();
  };
  const std::string front = std::to_string(spec_.front);
  auto pid_variable = pid_variables_.begin();
  for (char** inherited = environ; *inherited != nullptr; ++inherited) {
    const std::string_view variable{*inherited};
    const std::string_view name = name_of(variable);
    const bool names_the_front = (name == "LISTEN_PID" || name == "WATCHDOG_PID") &&
                                 variable.size() > name.size() &&
                                 variable.substr(name.size() + 1) == front;
    if (is_set_by_us(name) || is_left_out(name)) continue;
    if (names_the_front && pid_variable != pid_variables_.end()) {
      std::copy(name.begin(), name.end(), pid_variable->text.begin());
      pid_variable->text[name.size()] = '=';
      pid_variable->name_length = name.size() + 1;
      environment_.push_back((pid_variable++)->text.data());
    } else {
      environment_.push_back(*inherited);
    }
  }
  // The variables of dlock come last and replace the inherited ones: the inner lock wins.
  for (const std::string& variable : set_variables_) environment_.push_back(writable(variable));
  environment_.push_back(nullptr);
}

void JobProgram::fill_in(PidVariable& variable) {
  std::array<char, 16> digits{};
  auto first = digits.end();
  for (pid_t rest = ::getpid(); rest > 0; rest /= 10) *--first = static_cast<char>('0' + rest % 10);
  std::copy(first, digits.end(), variable.text.begin() + static_cast<long>(variable.name_length));
}

std::vector<std::string> paths_of(const std::string& program) {
  if (program.empty()) return {};
  if (program.find('/') != program.npos) return {program};
  std::vector<std::string> paths;
  const char* set = ::getenv("PATH");
  std::string_view rest = set != nullptr ? set : "/bin:/usr/bin";
  for (;;) {
    const auto colon = rest.find(':');
    const std::string directory{rest.substr(0, colon)};
    // An empty entry is the working directory.
    if (directory.size() < PATH_MAX)
      paths.push_back(directory.empty() ? program : directory + "/" + program);
    if (colon == rest.npos) return paths;
    rest.remove_prefix(colon + 1);
  }
}

/// Like execvpe(3), which may allocate. Returns the error.
int JobProgram::execute() {
  int error = ENOENT;
  bool denied = false;
  for (const std::string& path : paths_) {
    error = execute(path.c_str(), words_.data());
    if (error == ENOEXEC) {
      script_words_[1] = writable(path);
      error = execute(shell, script_words_.data());
    }
    if (!goes_on_looking(error)) return error;
    denied = denied || error == EACCES;
  }
  return denied ? EACCES : error;
}

int JobProgram::execute(const char* path, char* const* words) {
  ::execve(path, words, environment_.data());
  return errno;
}

void JobProgram::become(pid_t parent, int exec_pipe, int prepared_pipe) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // the parent died before PR_SET_PDEATHSIG took effect
  if (spec_.own_session) {
    ::setsid();
  } else {
    make_up_for_missed_signals();
  }
  for (PidVariable& variable : pid_variables_) {
    if (variable.name_length > 0) fill_in(variable);
  }
  ::sigaction(SIGCHLD, &spec_.signals.sigchld, nullptr);
  ::close(prepared_pipe);

  // Unblocked only now: a Ctrl-Z can stop the child here, and a process that waits for it would
  // stand still too.
  // The system call itself: the wrapper leaves out two signals of the C library.
  constexpr long kernel_set_size = 8;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &spec_.signals.mask, nullptr, kernel_set_size);
  // As late as possible: this process and both supervisors may have been paused before this point.
  const bool is_over = spec_.deadline != nullptr && spec_.deadline->read() <= BootClock::now();
  const StartFailure failure{.error = is_over ? ECANCELED : execute()};
  [[maybe_unused]] const auto told = ::write(exec_pipe, &failure, sizeof failure);
  ::_exit(127);
}

std::string why_not_started(const StartFailure& failure) {
  std::string why = ::strerror(failure.error);
  switch (failure.step) {
    case StartFailure::Step::MapUser:
      return "cannot map its user into a user namespace (/proc/self/uid_map): " + why +
             "; run dlock as root, allow user namespaces, or remove --contain=pidns";
    case StartFailure::Step::Fork:
      return "cannot fork in its pid namespace: " + why;
    case StartFailure::Step::Exec:
      break;
  }
  return why;
}

}  // namespace dlock
