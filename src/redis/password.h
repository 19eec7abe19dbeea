#pragma once

#include "core/result.h"

#include <string>

namespace dlock {

/// A password as somebody gives it: as it is, or where to find it. What is found may change at any
/// time, so it is looked up anew for each connection.
struct Password {
  std::string text = {};
  std::string file = {};     // it is the first line
  std::string command = {};  // for the shell; it is the first line of what that prints
  /// The option that named file or command, for complaints.
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

}  // namespace dlock
