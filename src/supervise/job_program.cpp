#include "supervise/job_program.h"

#include "supervise/born_late.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <sys/prctl.h>
#include <unistd.h>

namespace dlock::supervise {
namespace {

std::string_view name_of(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

char* writable(const std::string& text) { return const_cast<char*>(text.c_str()); }

}  // namespace

JobProgram::JobProgram(const JobSpec& spec) : spec_(spec) {
  for (const std::string& word : spec.command) words_.push_back(writable(word));
  words_.push_back(nullptr);

  for (const auto& [name, value] : spec.environment) set_variables_.push_back(name + "=" + value);
  const auto is_set_by_us = [this](std::string_view name) {
    return std::any_of(set_variables_.begin(), set_variables_.end(),
                       [&](const std::string& variable) { return name_of(variable) == name; });
  };
  const auto is_left_out = [&spec](std::string_view name) {
    return std::find(spec.left_out.begin(), spec.left_out.end(), name) != spec.left_out.end();
  };
  const std::string front = std::to_string(spec.front);
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
  // Ours come after the inherited ones, and replace them: an inner lock wins.
  for (const std::string& variable : set_variables_) environment_.push_back(writable(variable));
  environment_.push_back(nullptr);
}

void JobProgram::fill_in(PidVariable& variable) {
  std::array<char, 16> digits{};
  auto first = digits.end();
  for (pid_t rest = ::getpid(); rest > 0; rest /= 10) *--first = static_cast<char>('0' + rest % 10);
  std::copy(first, digits.end(), variable.text.begin() + static_cast<long>(variable.name_length));
}

void JobProgram::become(pid_t parent, int exec_pipe) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // it died before the line above took effect
  if (spec_.own_session) {
    ::setsid();
  } else {
    make_up_for_missed_signals();
  }
  for (PidVariable& variable : pid_variables_) {
    if (variable.name_length > 0) fill_in(variable);
  }
  give_back_signals(spec_.signals);
  ::execvpe(words_.front(), words_.data(), environment_.data());
  const int error = errno;
  [[maybe_unused]] const auto sent = ::write(exec_pipe, &error, sizeof error);
  ::_exit(127);
}

}  // namespace dlock::supervise
