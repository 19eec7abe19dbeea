#include "cli/config_file.h"

#include "cli/usage_error.h"

#define TOML_ENABLE_FORMATTERS 0
// A malformed file ([ and a control character) can trip an assertion of toml++ where it would
// otherwise report an error.
#define TOML_ASSERT(expression) static_assert(true)
#include <algorithm>
#include <toml++/toml.h>

namespace dlock::cli {
namespace {

std::string at_line(const std::string& path, const toml::source_region& place) {
  return path + " line " + std::to_string(place.begin.line) + ": ";
}

toml::table read_table(const std::string& path, const std::string& text) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    std::string why{error.description()};
    if (const auto colon = why.find(": "); why.starts_with("Error while parsing"))
      why.erase(0, colon + 2);
    configuration_error(at_line(path, error.source()) + why +
                        "; write lines such as store = \"redis://host\"");
  }
}

std::string without_trailing_zeros(std::string number) {
  number.erase(number.find_last_not_of('0') + 1);
  return number;
}

}  // namespace

std::vector<ConfigSetting> parse_config(const std::string& path, const std::string& text) {
  const toml::table table = read_table(path, text);
  std::vector<ConfigSetting> settings;
  for (const auto& [key, value] : table) {
    ConfigSetting setting{.name = std::string{key.str()}, .value = {}};
    setting.line = key.source().begin.line;
    if (const auto* words = value.as_string()) {
      setting.value = words->get();
    } else if (const auto* number = value.as_integer()) {
      setting.value = std::to_string(number->get());
    } else if (const auto* fraction = value.as_floating_point()) {
      setting.value = without_trailing_zeros(std::to_string(fraction->get()));
    } else if (const auto* flag = value.as_boolean()) {
      setting.value = flag->get() ? "true" : "false";
      setting.is_boolean = true;
    } else {
      const std::string what = value.is_table() ? "is a section, which is not supported"
                                                : "has a value of a type that no option accepts";
      configuration_error(at_line(path, key.source()) + in_quotes(setting.name) + " " + what +
                          "; write lines such as ttl = \"30s\"");
    }
    settings.push_back(std::move(setting));
  }
  std::sort(settings.begin(), settings.end(),
            [](const ConfigSetting& a, const ConfigSetting& b) { return a.line < b.line; });
  return settings;
}

}  // namespace dlock::cli
