#include "cli/variables.h"

#include "cli/nearest.h"
#include "cli/options.h"
#include "cli/usage_error.h"

#include <algorithm>
#include <array>

namespace dlock::cli {
namespace {

constexpr std::string_view prefix = "DLOCK_";

/// What follows DLOCK_ in the other variables: those that dlock sets for a job or a hook, and those
/// with a meaning of their own.
constexpr std::array others{
    "KEY",     "OWNER",     "FENCING_TOKEN", "SOCKET",     "CONFIG",
    "OUTCOME", "EXIT_CODE", "REASON",        "STORE_NAME", "SENTINEL_PASSWORD"};

bool is_known(std::string_view variable) {
  const std::string_view rest = variable.substr(prefix.size());
  return std::find(others.begin(), others.end(), rest) != others.end() ||
         !option_of(variable).empty();
}

/// The same part of all variables that dlock knows.
std::vector<std::string> known_rests() {
  std::vector<std::string> known{others.begin(), others.end()};
  for (const OptionGroup& group : find_command("run")->groups) {
    for (const Option& option : group.options) {
      if (is_setting(option.name()))
        known.push_back(variable_of(option.name()).substr(prefix.size()));
    }
  }
  return known;
}

}  // namespace

bool is_setting(std::string_view option) {
  return option != "key" && option != "config" && option != "dry-run" &&
         find_command("run")->find(option) != nullptr;
}

std::string variable_of(std::string_view option) {
  std::string name{prefix};
  for (const char letter : option)
    name += letter == '-'
                ? '_'
                : static_cast<char>(letter >= 'a' && letter <= 'z' ? letter - 32 : letter);
  return name;
}

std::string option_of(std::string_view variable) {
  std::string option{variable.substr(prefix.size())};
  for (char& letter : option)
    letter = letter == '_'
                 ? '-'
                 : static_cast<char>(letter >= 'A' && letter <= 'Z' ? letter + 32 : letter);
  return is_setting(option) && variable_of(option) == variable ? option : "";
}

std::vector<std::string> warnings_of_variables(const Environment& environment) {
  std::vector<std::string> warnings;
  for (const auto& [name, value] : environment.ours) {
    if (is_known(name)) continue;
    if (const auto meant = nearest(std::string_view{name}.substr(prefix.size()), known_rests()))
      warnings.push_back("the variable " + in_quotes(name) +
                         " is unknown and has no effect; did you mean DLOCK_" + *meant + "?");
  }
  return warnings;
}

}  // namespace dlock::cli
