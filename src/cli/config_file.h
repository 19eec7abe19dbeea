#pragma once

#include <string>
#include <vector>

namespace dlock::cli {

/// One `name = value` of a configuration file: dlock.toml(5).
struct ConfigSetting {
  std::string name;
  std::string value;        // without quotes, if it is a string
  bool is_boolean = false;  // true or false, without quotes
  unsigned line = 0;
};

/// Returns the settings in `text`, in their order; the Parser checks the names. Throws UsageError
/// with `path` and the line if the text is not TOML, or has a section.
std::vector<ConfigSetting> parse_config(const std::string& path, const std::string& text);

}  // namespace dlock::cli
