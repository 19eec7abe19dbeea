#pragma once

#include "cli/words.h"

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace dlock::cli {

/// One option of a sub-command: its names, the word that it sets, and its help.
struct Option {
  const char* names;  // the short one first, if it has one: `-n,--nonblock`
  std::variant<std::string Words::*, bool Words::*> sets;  // a flag sets a bool
  const char* type;                                        // of the value, as the help shows it
  const char* description;
  bool value_is_optional = false;

  /// The long one, without dashes: it is also what the configuration file says.
  std::string_view name() const {
    const std::string_view all{names};
    return all.substr(all.find("--") + 2);
  }
  bool is_flag() const { return std::holds_alternative<bool Words::*>(sets); }
};

/// Options that stand together in the help. Two groups of one title are shown as one.
struct OptionGroup {
  const char* title = nullptr;
  std::span<const Option> options;
};

/// A sub-command: all that the help says of it.
struct CommandOptions {
  const char* name;
  const char* description;
  SubCommand which;
  std::array<OptionGroup, 7> groups;  // in the order of the help
  const char* examples;               // below the usage
  std::string (*footer)();
  bool takes_words = false;  // keys, a pattern, the name of a shell

  /// Null if there is no option of that name.
  const Option* find(std::string_view option) const;
};

/// Every sub-command, and so every option that dlock knows.
std::span<const CommandOptions> all_commands();

/// Null if there is no sub-command of that name.
const CommandOptions* find_command(std::string_view name);

/// The end of `dlock --help`: the codes of dlock itself.
std::string exit_code_table();

/// What makes that shell (bash, zsh, fish) complete dlock's words: packaging/completions, which
/// CMake builds into the binary. Nothing for another shell.
std::optional<std::string_view> completion_for(std::string_view shell);

}  // namespace dlock::cli
