#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dlock::cli {

/// What makes that shell (bash, zsh, fish) complete dlock's words: packaging/completions, which
/// CMake builds into the binary. Nothing for another shell.
std::optional<std::string_view> completion_for(std::string_view shell);

}  // namespace dlock::cli
