#pragma once

#include "core/call_deadline.h"
#include "core/fault.h"
#include "core/result.h"
#include "core/time.h"
#include "os/fd.h"

#include <string>
#include <sys/types.h>

namespace dlock {

/// A password as somebody gives it: as it is, or where to find it. What is found may change at any
/// time, so it is looked up anew for each connection.
struct Password {
  std::string text = {};
  std::string file = {};     // it is the first line
  std::string command = {};  // for the shell; it is the first line of what that prints
  /// The option that named file or command, for messages.
  std::string option = {};

  bool given() const { return !text.empty() || !file.empty() || !command.empty(); }
  bool operator==(const Password&) const = default;
};

/// Why there is none: names the option and what it says, and the remedy.
struct NoPassword {
  std::string why;
};

/// The first line of its file, which others may neither read nor write: a secret that others may
/// read is none.
Result<std::string, NoPassword> password_in_file(const Password& password);

/// Runs the command that prints a password: a token that lives for minutes is made anew for each
/// connection.
///
/// A command may need longer than one attempt to connect: it goes on, and the next attempt finds
/// what it said, but for `longest` at most; then it is killed with its process group. It is a child
/// of ours, which whoever reaps our children may reap first; so how it ended is asked of its pipe.
///
/// The command may hold a secret itself, and is in no message. Not thread-safe: one thread at a
/// time.
class PasswordCommand {
 public:
  static constexpr Duration longest = std::chrono::seconds{30};

  explicit PasswordCommand(Password password) : password_(std::move(password)) {}
  ~PasswordCommand() { end(); }
  PasswordCommand(const PasswordCommand&) = delete;
  PasswordCommand& operator=(const PasswordCommand&) = delete;

  /// What it prints first; each success ends one run of it.
  Result<std::string, StoreFault> read(const CallDeadline& deadline);

 private:
  Result<Done, StoreFault> start();
  /// Kills it if it still runs.
  void end();

  Password password_;
  pid_t pid_ = 0;
  Fd process_;  // by which it is told from one that got its number later
  Fd output_;   // open while it runs
  std::string printed_;
  Instant until_{};
};

}  // namespace dlock
