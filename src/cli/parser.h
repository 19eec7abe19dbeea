#pragma once

#include "cli/config_file.h"
#include "cli/environment.h"
#include "cli/words.h"

#include <memory>
#include <string>
#include <vector>

namespace dlock::cli {

/// Reads the command line and the settings of a file into `Words`.
class Parser {
 public:
  /// `words` must outlive the parser.
  explicit Parser(Words& words);
  ~Parser();
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  /// The text to print instead of running, if help or version was requested.
  struct Asked {
    std::string text;
  };
  /// Reads the words before the `--`. Throws UsageError, or Asked.
  void read_command_line(const std::vector<std::string>& ours);

  /// Takes the options that the command line does not give from variables such as DLOCK_TTL. Throws
  /// UsageError.
  void read_environment(const Environment& environment);

  /// Takes the options that neither of these gives from the file at `path`. Throws UsageError.
  void read_config(const std::string& path, const std::vector<ConfigSetting>& settings);

 private:
  class Reader;
  std::unique_ptr<Reader> reader_;
};

}  // namespace dlock::cli
