#pragma once

#include <string>
#include <vector>

namespace dlock::cli {

/// The words of the command line, cut at the first `--`: ours on the left, the job's on the right.
///
/// The job's words never meet the option parser, which would drop `[]` and unwrap `[a]`.
struct CommandLine {
  std::vector<std::string> ours;  // without the program's name
  std::vector<std::string> job;
  bool has_dashes = false;
};

CommandLine split_at_dashes(int argc, char** argv);

/// Overwrites user and password in every URL among our words in argv itself, where ps(1) reads
/// them. True if there were any. Call it when the words have been copied.
bool wipe_url_secrets(int argc, char** argv);

}  // namespace dlock::cli
