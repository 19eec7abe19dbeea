#pragma once

#include "core/call_deadline.h"
#include "core/fault.h"
#include "core/result.h"
#include "core/time.h"
#include "os/fd.h"

#include <string>
#include <sys/types.h>

namespace dlock {

/// A password or its source. What the source supplies can change at any time, so it is read again
/// for each connection.
struct Password {
  std::string text = {};
  std::string file = {};     // its first line is the password
  std::string command = {};  // for the shell; the first line of its output is the password
  /// The option that named file or command, for messages.
  std::string option = {};

  bool given() const { return !text.empty() || !file.empty() || !command.empty(); }
  bool operator==(const Password&) const = default;
};

/// Why there is no password: names the option, its value, and the remedy.
struct NoPassword {
  std::string why;
};

struct PasswordInFile {
  std::string text;
  bool only_once = false;  // see SecretFile
};

/// The first line of its file. Fails if the file is empty, or if SecretFile does not use it.
Result<PasswordInFile, NoPassword> password_in_file(const Password& password);

/// Runs the command that prints a password. It runs again for each connection, because a token can
/// be valid for minutes only.
///
/// A command can take longer than one attempt to connect: it continues, and the next attempt reads
/// its output. After `longest` it is killed with its process group. Another part of dlock that
/// reaps children can reap it first; so its pipe, not its exit status, shows how it ended.
///
/// The command itself can contain a secret, so no message shows it. Not thread-safe: one thread at
/// a time.
class PasswordCommand {
 public:
  static constexpr Duration longest = std::chrono::seconds{30};

  explicit PasswordCommand(Password password) : password_(std::move(password)) {}
  ~PasswordCommand() { end(); }
  PasswordCommand(const PasswordCommand&) = delete;
  PasswordCommand& operator=(const PasswordCommand&) = delete;

  /// The first line of its output. Each run of the command supplies one success.
  Result<std::string, StoreFault> read(const CallDeadline& deadline);

 private:
  Result<Done, StoreFault> start();
  /// Kills it if it still runs.
  void end();

  Password password_;
  pid_t pid_ = 0;
  Fd process_;  // distinguishes it from a later process with the same number
  Fd output_;   // open while it runs
  std::string printed_;
  Instant until_{};
};

}  // namespace dlock
