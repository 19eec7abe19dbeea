#include "cli/variables.h"

#include "cli/nearest.h"
#include "cli/options.h"
#include "cli/usage_error.h"

#include <algorithm>
#include <array>

namespace dlock::cli {
namespace {

/// Those that dlock sets for a job or a hook, and those with a meaning of their own.
constexpr std::array others{"DLOCK_KEY",       "DLOCK_OWNER",     "DLOCK_FENCING_TOKEN",
                            "DLOCK_SOCKET",    "DLOCK_CONFIG",    "DLOCK_SENTINEL_PASSWORD",
                            "DLOCK_OUTCOME",   "DLOCK_EXIT_CODE", "DLOCK_REASON",
                            "DLOCK_STORE_NAME"};

std::vector<std::string> known_variables() {
  std::vector<std::string> known{others.begin(), others.end()};
  for (const OptionGroup& group : find_command("run")->groups) {
    for (const Option& option : group.options) {
      if (is_setting(option.name())) known.push_back(variable_of(option.name()));
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
  std::string name = "DLOCK_";
  for (const char letter : option)
    name += letter == '-'
                ? '_'
                : static_cast<char>(letter >= 'a' && letter <= 'z' ? letter - 32 : letter);
  return name;
}

std::vector<std::string> warnings_of_variables(const Environment& environment) {
  std::vector<std::string> warnings;
  if (environment.ours.empty()) return warnings;
  const std::vector<std::string> known = known_variables();
  for (const auto& [name, value] : environment.ours) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    // The common beginning says nothing about the rest.
    constexpr std::size_t prefix = 6;
    std::vector<std::string> rests;
    for (const std::string& each : known) rests.push_back(each.substr(prefix));
    if (const auto meant = nearest(std::string_view{name}.substr(prefix), rests))
      warnings.push_back("the variable " + in_quotes(name) +
                         " is unknown and has no effect; did you mean DLOCK_" + *meant + "?");
  }
  return warnings;
}

}  // namespace dlock::cli
