#pragma once

#include "cli/environment.h"

#include <string>
#include <string_view>
#include <vector>

namespace dlock::cli {

/// Whether variables and configuration files can set that option: those of `dlock run`, except the
/// key and --dry-run, which belong to one run, and the name of the file.
bool is_setting(std::string_view option);

/// The variable of that option: `DLOCK_ON_SILENCE` of `on-silence`.
std::string variable_of(std::string_view option);

/// The option that a variable whose name begins with DLOCK_ sets; empty if it sets none.
std::string option_of(std::string_view variable);

/// A warning for each variable that is almost the name of one that dlock knows.
std::vector<std::string> warnings_of_variables(const Environment& environment);

}  // namespace dlock::cli
