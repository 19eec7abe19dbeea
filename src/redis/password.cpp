#include "redis/password.h"

#include "core/duration.h"
#include "core/text.h"
#include "os/clock.h"
#include "os/helper_sessions.h"
#include "os/secret_file.h"
#include "os/wait.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dlock {

namespace {

constexpr std::size_t longest_output = 1 << 16;

/// The output of a command that fails is not a password. The password is in no process's argument
/// list. Processes that the command leaves in its process group are killed with it, and never join
/// the job.
constexpr const char* only_of_success =
    R"(said=$(eval "$1") && printf '%s\n' "$said"; kill -s KILL 0)";

/// Runs the command in a session of its own, so that it can be killed as a whole; with default
/// signal handling, no stdin, and the stderr of dlock for its messages.
int spawn(const std::string& command, int output, pid_t& pid) {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t files;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_init(&files);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(
      &attributes,
      static_cast<short>(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
  std::array<std::string, 5> words{"/bin/sh", "-c", only_of_success, "dlock", command};
  std::array<char*, 6> argv{};
  for (std::size_t i = 0; i < words.size(); ++i) argv[i] = words[i].data();
  const int error = ::posix_spawn(&pid, argv[0], &files, &attributes, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  ::posix_spawnattr_destroy(&attributes);
  return error;
}

StoreFault fault(ExitCode code, const std::string& sentence) {
  return {.exit_code = code, .sentence = sentence, .not_applied = true};
}

}  // namespace

Result<PasswordInFile, NoPassword> password_in_file(const Password& password) {
  const std::string file = password.option + " '" + printable(password.file) + "'";
  if (password.file.empty()) return NoPassword{file + " names no file"};
  const SecretFile read = SecretFile::read(password.file);
  if (!read.why_not.empty()) return NoPassword{file + " " + read.why_not};
  std::string text = read.text.substr(0, read.text.find_first_of("\r\n"));
  if (text.empty()) return NoPassword{file + " has no password in its first line"};
  return PasswordInFile{std::move(text), read.only_once};
}

Result<Done, StoreFault> PasswordCommand::start() {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    return fault(ExitCode::StoreUnavailable,
                 password_.option + " could not be run: " + std::string{::strerror(errno)});
  }
  output_ = Fd{pipe[0]};
  const Fd writer{pipe[1]};
  ::fcntl(output_.number(), F_SETFL, O_NONBLOCK);
  printed_.clear();
  until_ = BootClock::now() + longest;
  if (const int error = spawn(password_.command, writer.number(), pid_); error != 0) {
    output_.close();
    return fault(ExitCode::StoreUnavailable,
                 password_.option + " could not be run: " + std::string{::strerror(error)});
  }
  add_helper_session(pid_);
  process_ = Fd{static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0))};
  return Done{};
}

Result<std::string, StoreFault> PasswordCommand::read(const CallDeadline& deadline) {
  if (!output_.open()) {
    if (auto started = start(); !started) return started.error();
  }
  for (;;) {
    std::array<char, 4096> buffer;
    const ssize_t count = ::read(output_.number(), buffer.data(), buffer.size());
    if (count == 0 || printed_.size() > longest_output) break;
    if (count > 0) {
      printed_.append(buffer.data(), static_cast<std::size_t>(count));
      continue;
    }
    const Wait waited =
        wait(output_.number(), POLLIN, {std::min(deadline.until, until_), deadline.cancellation});
    if (waited == Wait::Ready) continue;
    if (waited == Wait::Cancelled)
      return fault(ExitCode::StoreUnavailable,
                   "the wait for " + password_.option + " was cancelled");
    if (BootClock::now() < until_) {
      StoreFault late =
          fault(ExitCode::StoreUnavailable, password_.option + " has not printed a password yet");
      late.worth_retrying = true;
      return late;
    }
    end();
    return fault(ExitCode::StoreUnavailable,
                 password_.option + " did not end within " + to_text(longest) + " and was killed");
  }
  end();
  std::string password = printed_.substr(0, printed_.find_first_of("\r\n"));
  if (password.empty()) {
    return fault(ExitCode::Configuration,
                 password_.option + " printed no password: it failed, or its first line is empty");
  }
  return password;
}

void PasswordCommand::end() {
  if (!output_.open()) return;
  output_.close();
  remove_helper_session(pid_);
  if (!process_.open()) return;
  // A command that has closed its output is about to end.
  std::array<pollfd, 1> watched{{{process_.number(), POLLIN, 0}}};
  const Duration moment = std::chrono::milliseconds{BootClock::now() < until_ ? 100 : 0};
  if (!wait_for_any(watched, BootClock::now() + moment)) ::kill(-pid_, SIGKILL);
  siginfo_t ended{};
  ::waitid(P_PIDFD, static_cast<id_t>(process_.number()), &ended, WEXITED | WNOHANG);
  process_.close();
}

}  // namespace dlock
