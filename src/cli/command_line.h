#pragma once

#include <string>
#include <vector>

namespace dlock::cli {

/// The words of the command line, split at the first `--`: the words of dlock before it, those of
/// the command after it.
///
/// The words of the command never reach the option parser, which would drop `[]` and unwrap `[a]`.
struct CommandLine {
  std::vector<std::string> ours;  // without the program name
  std::vector<std::string> job;
  bool has_dashes = false;
};

CommandLine split_at_dashes(int argc, char** argv);

/// Overwrites user and password in every URL among the words of dlock, in argv itself, where ps(1)
/// reads them. Returns true if a URL had a password. Call it after the words have been copied.
bool wipe_url_secrets(int argc, char** argv);

}  // namespace dlock::cli
