#pragma once

#include "core/ending.h"
#include "core/text.h"

#include <string>

namespace dlock::cli {

/// An error in the command line or configuration. Thrown within this folder only; parse() turns it
/// into a BadUsage. An option can be wrong in many ways, each with its own message.
///
/// The message names the option first, then the value and the remedy.
struct UsageError {
  ExitCode code;
  std::string message;
};

[[noreturn]] inline void usage_error(const std::string& message) {
  throw UsageError{ExitCode::Usage, message};
}

[[noreturn]] inline void configuration_error(const std::string& message) {
  throw UsageError{ExitCode::Configuration, message};
}

/// A wrong value can be a URL with a password that was given to the wrong option.
inline std::string in_quotes(const std::string& value) {
  return "'" + excerpt(without_url_secrets(value), 100) + "'";
}

}  // namespace dlock::cli
