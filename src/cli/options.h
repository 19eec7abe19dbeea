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
  const char* names;  // the short one first, if any: `-n,--nonblock`
  std::variant<std::string Words::*, bool Words::*> sets;  // a flag sets a bool
  const char* type;                                        // of the value, as shown in the help
  const char* description;
  bool value_is_optional = false;

  /// The long name without dashes, which is also the name in the configuration file.
  std::string_view name() const {
    const std::string_view all{names};
    return all.substr(all.find("--") + 2);
  }
  bool is_flag() const { return std::holds_alternative<bool Words::*>(sets); }
};

/// Options that are shown together in the help. Two groups with one title are shown as one.
struct OptionGroup {
  const char* title = nullptr;
  std::span<const Option> options;
};

/// A sub-command, with everything that its help shows.
struct CommandOptions {
  const char* name;
  const char* description;
  SubCommand which;
  std::array<OptionGroup, 7> groups;  // in the order of the help
  const char* examples;               // below the usage
  std::string (*footer)();
  bool takes_words = false;  // keys, a pattern, or the name of a shell

  /// Returns null if there is no option of that name.
  const Option* find(std::string_view option) const;
};

/// All sub-commands, and therefore all options of dlock.
std::span<const CommandOptions> all_commands();

/// Returns null if there is no sub-command of that name. `ls` is list.
const CommandOptions* find_command(std::string_view name);

/// The end of `dlock --help`: the exit codes of dlock itself.
std::string exit_code_table();

/// Returns the completion script of that shell (bash, zsh, fish): packaging/completions, which
/// CMake builds into the binary. Nothing for another shell.
std::optional<std::string_view> completion_for(std::string_view shell);

}  // namespace dlock::cli
