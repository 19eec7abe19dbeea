#pragma once

#include <string>
#include <vector>

namespace dlock::cli {

/// One `name = value` of a configuration file: dlock.toml(5).
struct ConfigSetting {
  std::string name;
  std::string value;        // of a text without its quotes
  bool is_boolean = false;  // true or false, without quotes
  unsigned line = 0;
};

/// The settings in `text`, in their order. Which names there are is the Parser's business. Throws
/// UsageError with `path` and the line if it is no TOML, or has a section.
std::vector<ConfigSetting> parse_config(const std::string& path, const std::string& text);

}  // namespace dlock::cli
