#include "cli/parser.h"

#include "cli/nearest.h"
#include "cli/options.h"
#include "cli/usage_error.h"
#include "cli/variables.h"
#include "cli/version.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>

namespace dlock::cli {
namespace {

/// Breaks a description into lines that fit beside the option names. CLI11 indents them.
std::string wrapped(std::string_view text) {
  constexpr std::size_t width = 68;
  std::string out;
  while (text.size() > width) {
    const auto blank = text.rfind(' ', width);
    if (blank == text.npos) break;
    out += std::string{text.substr(0, blank)} + "\n";
    text.remove_prefix(blank + 1);
  }
  return out + std::string{text};
}

constexpr std::array usages{"dlock run --key K [options] -- command [args...]",
                            "dlock status [options] KEY... | --owner HASH",
                            "dlock list [options] [PATTERN]",
                            "dlock unlock [options] KEY",
                            "dlock doctor [options]",
                            "dlock heartbeat",
                            "dlock completion bash|zsh|fish"};

/// The help format of dlock: the usage line shows where the command goes, and an option shows only
/// its value.
class HelpFormat final : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    if (name.empty()) {
      std::string text;
      for (const char* usage : usages)
        text += (text.empty() ? "Usage: " : "       ") + std::string{usage} + "\n";
      return text + "       dlock --help | --version\n\n";
    }
    for (const char* usage : usages) {
      if (std::string_view{usage}.starts_with("dlock " + app->get_name()))
        return std::string{"Usage: "} + usage + "\n" + find_command(app->get_name())->examples +
               "\n";
    }
    return {};
  }
  /// CLI11 puts two empty lines between groups; one is removed.
  std::string make_group(std::string group, bool is_positional,
                         std::vector<const CLI::Option*> options) const override {
    return CLI::Formatter::make_group(group, is_positional, options).substr(1);
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_type_size() == 0 ? "" : " " + option->get_type_name();
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    return wrapped(option->get_description());
  }
};

/// Returns `--password` of `--password=secret`: the value of an unknown option can be a secret.
std::string without_value(const std::string& word) {
  const std::string shown = without_url_secrets(word);  // first: a password can contain a = too
  return shown.starts_with('-') ? shown.substr(0, shown.find('=')) : shown;
}

}  // namespace

class Parser::Reader {
 public:
  explicit Reader(Words& words) : words_(words) {}

  void read_command_line(const std::vector<std::string>& ours) {
    const std::vector<std::string> words = with_help_as_option(ours);
    command_ = words.empty() ? nullptr : find_command(words.front());
    if (command_ == nullptr) return read_without_command(words);
    words_.command = command_->which;
    const std::vector<std::string> rest{words.begin() + 1, words.end()};
    CLI::App app{command_->description, command_->name};
    app.formatter(format_);
    app.allow_extras();
    app.footer(command_->footer);
    const std::vector<Made> options = make_options(app, rest);
    app.set_help_flag("-h,--help", "Show this help");
    try {
      parse(app, rest);
    } catch (const CLI::ParseError& error) {
      explain(error.what(), options);
    }
    for (const std::string& word : app.remaining()) {
      const bool is_option = word.size() > 1 && word.front() == '-';
      if (is_option || !command_->takes_words) complain_of_word(word, rest);
      words_.keys.push_back(word);
    }
    for (const Made& made : options) {
      if (made.by->count() == 0) continue;
      words_.sources[std::string{made.option->name()}] = Source::Flag;
      if (made.option->value_is_optional) refuse_empty(made, rest);
    }
  }

  void read_environment(const Environment& environment) {
    const CommandOptions& run = *find_command("run");
    for (const auto& [name, value] : environment.ours) {
      const Option* const option = run.find(option_of(name));
      // DLOCK_STORE has rules of its own; see store_settings().
      if (option == nullptr || option->name() == "store") continue;
      ConfigSetting setting{.name = std::string{option->name()}, .value = value};
      if (option->is_flag() && (value == "1" || value == "0"))
        setting.value = value == "1" ? "true" : "false";
      setting.is_boolean =
          (setting.value == "true" && (option->is_flag() || option->value_is_optional)) ||
          (setting.value == "false" && option->is_flag());
      take(setting, Source::Environment);
    }
  }

  void read_config(const std::string& path, const std::vector<ConfigSetting>& settings) {
    words_.config_path = path;
    for (const ConfigSetting& setting : settings) {
      if (!is_setting(setting.name)) {
        configuration_error(at(setting, Source::File) + in_quotes(setting.name) +
                            " is unknown; write the long name of an option of dlock run without "
                            "its dashes, as in store = \"redis://host\"");
      }
      take(setting, Source::File);
    }
  }

 private:
  /// An option that was made known to CLI11.
  struct Made {
    const Option* option;
    CLI::Option* by;

    std::string name() const { return "--" + std::string{option->name()}; }
  };

  /// Making all options of `run` in CLI11 costs more time than the kernel needs for a fork, so only
  /// options that these words could mean are made.
  std::vector<Made> make_options(CLI::App& app, const std::vector<std::string>& words) {
    std::vector<Made> made;
    for (const OptionGroup& group : command_->groups) {
      for (const Option& option : group.options) {
        if (!could_mean(words, option)) continue;
        CLI::Option* const by =
            std::visit([&](auto word) { return make(app, option, words_.*word); }, option.sets);
        by->group(group.title);
        made.push_back({&option, by});
      }
    }
    return made;
  }

  static CLI::Option* make(CLI::App& app, const Option& option, std::string& word) {
    CLI::Option* const made = app.add_option(option.names, word, option.description);
    made->type_name(option.type);
    if (option.value_is_optional) made->expected(0, 1);
    return made;
  }
  static CLI::Option* make(CLI::App& app, const Option& option, bool& flag) {
    return app.add_flag(option.names, flag, option.description);
  }

  /// Short options can be combined, as in -nv; help needs all options.
  static bool could_mean(const std::vector<std::string>& words, const Option& option) {
    const bool has_short = option.names[1] != '-';
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
      if (word.starts_with("--"))
        return word.starts_with("--help") ||
               std::string_view{word}.substr(2).starts_with(option.name());
      return word.starts_with('-') && (has_short || word.find('h') != word.npos);
    });
  }

  static std::string command_names() {
    std::string names;
    for (const CommandOptions& known : all_commands())
      names += (names.empty() ? "" : ", ") + std::string{known.name};
    return names;
  }

  static std::optional<std::string> nearest_command(const std::string& word) {
    std::vector<std::string> names{"help", "version"};
    for (const CommandOptions& known : all_commands()) names.emplace_back(known.name);
    return nearest(word, names);
  }

  /// The long option of this sub-command that the word may mean.
  std::optional<std::string> nearest_option(const std::string& word) const {
    std::vector<std::string> names{"help"};
    for (const OptionGroup& group : command_->groups) {
      for (const Option& option : group.options) names.emplace_back(option.name());
    }
    if (!word.starts_with("--")) return {};
    const auto meant = nearest(std::string_view{word}.substr(2), names);
    return meant ? std::optional{"--" + *meant} : std::nullopt;
  }

  static bool any_is_key(const std::vector<std::string>& words) {
    return std::any_of(words.begin(), words.end(),
                       [](const std::string& word) { return word.starts_with("--key"); });
  }

  static void parse(CLI::App& app, const std::vector<std::string>& words) {
    try {
      app.parse(std::vector<std::string>{words.rbegin(), words.rend()});
    } catch (const CLI::CallForHelp&) {
      throw Asked{app.help()};
    } catch (const CLI::CallForVersion& call) {
      throw Asked{std::string{call.what()} + "\n"};
    }
  }

  /// Treats `dlock help run` as `dlock run --help`, and `dlock version` as `dlock --version`.
  static std::vector<std::string> with_help_as_option(std::vector<std::string> words) {
    if (words.size() == 1 && words.front() == "version") return {"--version"};
    if (words.empty() || words.front() != "help") return words;
    words.erase(words.begin());
    words.resize(std::min<std::size_t>(words.size(), 1));
    words.emplace_back("--help");
    return words;
  }

  void read_without_command(const std::vector<std::string>& words) {
    CLI::App app{
        "Runs a job on at most one machine of a cluster, and kills it before another could start "
        "it.",
        ""};
    app.formatter(format_);
    app.allow_extras();
    app.set_help_flag("-h,--help", "Show this help");
    app.set_version_flag("-V,--version", std::string{"dlock "} + version, "Show the version");
    app.footer([] {
      return "See 'dlock run --help' for the options of run, likewise for the others, and "
             "dlock(1).\n\n" +
             exit_code_table();
    });
    for (const CommandOptions& known : all_commands())
      app.add_subcommand(known.name, known.description);
    std::vector<std::string> options;
    std::copy_if(words.begin(), words.end(), std::back_inserter(options),
                 [](const std::string& word) { return find_command(word) == nullptr; });
    try {
      parse(app, options);
    } catch (const CLI::ParseError&) {
      usage_error("--version takes no value; remove it");
    }
    if (words.empty()) return;
    const std::string shown = in_quotes(without_value(words.front()));
    const auto command = std::find_if(words.begin(), words.end(), [](const std::string& word) {
      return find_command(word) != nullptr;
    });
    if (command != words.end())
      usage_error(shown + " is before the sub-command; write dlock " + *command + " first");
    if (words.front().starts_with('-'))
      usage_error("the sub-command is missing before " + shown + "; dlock has " + command_names() +
                  " (see dlock --help)");
    const auto meant = nearest_command(words.front());
    usage_error(shown + " is not a sub-command of dlock; " +
                (meant ? "did you mean " + *meant + "?"
                       : "it has " + command_names() + " (see dlock --help)"));
  }

  /// Reports an error of CLI11 in the words of dlock: an option with too many values or none, or a
  /// flag with a value.
  [[noreturn]] void explain(const std::string& error, const std::vector<Made>& options) {
    for (const Made& made : options) {
      const std::string name = made.name();
      if (made.by->results().size() > 1) usage_error(name + " is given twice; remove one");
      if (!error.starts_with(name + ":") && error.find(" " + name + " =") == error.npos) continue;
      if (made.option->is_flag()) usage_error(name + " takes no value; remove it");
      usage_error(name + " has no value; write " + name + " " + made.option->type);
    }
    usage_error(without_url_secrets(error) + " (see dlock " + command_->name + " --help)");
  }

  [[noreturn]] void complain_of_word(const std::string& word, const std::vector<std::string>& all) {
    for (const std::string& other : all) {
      if (other.size() > 2 && other[0] == '-' && other[1] != '-' &&
          command_->find(other.substr(1)) != nullptr)
        usage_error(in_quotes(other) + " has one dash; write -" + other);
    }
    const std::string name = std::string{"dlock "} + command_->name;
    const std::string shown = in_quotes(without_value(word));
    if (command_->which == SubCommand::Run && !word.starts_with('-')) {
      usage_error(shown + " is not an option of " + name + "; " +
                  (any_is_key(all) ? "the" : "the key is given as --key K, and the") +
                  " command comes after a --, as in dlock run --key K -- command [args...]");
    }
    const std::string option = without_value(word);
    if (command_->which == SubCommand::Run && option == "--timeout") {
      usage_error(shown + " is not an option of " + name +
                  "; --wait DUR limits the wait for the lock, and --max-run DUR the job");
    }
    const auto meant = nearest_option(option);
    usage_error(shown + " is not an option of " + name +
                (meant ? "; did you mean " + *meant + "?" : " (see " + name + " --help)"));
  }

  /// Rejects an empty value: CLI11 takes `--wait ''` for `--wait`, but a user who writes "$LIMIT"
  /// does not mean forever.
  static void refuse_empty(const Made& made, const std::vector<std::string>& words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      const bool is_it =
          words[i].starts_with('-') && made.by->check_name(words[i].substr(0, words[i].find('=')));
      if (is_it && (words[i].ends_with('=') || (i + 1 < words.size() && words[i + 1].empty()))) {
        usage_error(made.name() + " '' is empty; remove the value, or write a duration, as in " +
                    made.name() + " 30s");
      }
    }
  }

  /// The beginning of a message about a setting.
  std::string at(const ConfigSetting& item, Source source) const {
    return source == Source::File ? words_.config_path + " line " + std::to_string(item.line) + ": "
                                  : variable_of(item.name) + ": ";
  }

  void take(const ConfigSetting& item, Source source) {
    const std::string where = at(item, source);
    // A setting that only `run` knows is no error when another sub-command reads it.
    const Option* const option =
        (command_ == nullptr ? *find_command("run") : *command_).find(item.name);
    if (option == nullptr) return;
    const bool for_ever = option->value_is_optional && item.value == "true";
    if (option->is_flag() && !item.is_boolean)
      configuration_error(where + item.name + " must be true or false" +
                          (source == Source::File ? ", without quotes" : ""));
    if (!option->is_flag() && item.is_boolean && !for_ever)
      configuration_error(where + item.name + " cannot be " + item.value +
                          "; write the value of the option in quotes");
    if (option->value_is_optional && item.value.empty())
      configuration_error(where + item.name + " is empty; write a duration, or true for no limit");
    if (words_.source(item.name) > source) return;
    words_.sources[item.name] = source;
    if (const auto* const flag = std::get_if<bool Words::*>(&option->sets)) {
      words_.*(*flag) = item.value == "true";
    } else {
      words_.*std::get<std::string Words::*>(option->sets) = for_ever ? "" : item.value;
    }
  }

  Words& words_;
  const CommandOptions* command_ = nullptr;
  std::shared_ptr<HelpFormat> format_ = [] {
    auto format = std::make_shared<HelpFormat>();
    format->column_width(32);
    return format;
  }();
};

Parser::Parser(Words& words) : reader_(std::make_unique<Reader>(words)) {}
Parser::~Parser() = default;

void Parser::read_command_line(const std::vector<std::string>& ours) {
  reader_->read_command_line(ours);
}

void Parser::read_environment(const Environment& environment) {
  reader_->read_environment(environment);
}

void Parser::read_config(const std::string& path, const std::vector<ConfigSetting>& settings) {
  reader_->read_config(path, settings);
}

}  // namespace dlock::cli
