#pragma once

#include "core/ending.h"
#include "core/text.h"

#include <string>

namespace dlock::cli {

/// What is wrong with what dlock was told. Thrown within this folder only, and made a BadUsage by
/// parse(): an option has many ways to be wrong, each with its own sentence.
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

/// A value that is wrong may be a URL with a password, which has slipped to a wrong option.
inline std::string in_quotes(const std::string& value) {
  return "'" + excerpt(without_url_secrets(value), 100) + "'";
}

}  // namespace dlock::cli
