// The configuration file, up to the values that the options get.
#include "cli/config_file.h"

#include "cli/parser.h"
#include "cli/usage_error.h"
#include "fuzz/property.h"

#include <algorithm>

using namespace dlock;
using namespace dlock::cli;

namespace {

void check_line(unsigned line, std::string_view text) {
  const auto lines = static_cast<unsigned>(std::count(text.begin(), text.end(), '\n')) + 1;
  fuzz::require(line >= 1 && line <= lines, "a setting has its line");
}

/// The line that an error message names: `FILE line 3: ...`.
unsigned line_in(const std::string& message) {
  constexpr std::string_view before = "FILE line ";
  fuzz::require(message.starts_with(before), "an error message names the file and the line");
  return static_cast<unsigned>(std::strtoul(message.c_str() + before.size(), nullptr, 10));
}

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  try {
    const auto settings = parse_config("FILE", std::string{text});
    unsigned last = 0;
    for (const ConfigSetting& setting : settings) {
      check_line(setting.line, text);
      fuzz::require(setting.line >= last, "the settings are in order");
      last = setting.line;
    }
    Words words;
    Parser parser{words};
    parser.read_command_line({"run", "--key", "job"});
    parser.read_config("FILE", settings);
    for (const ConfigSetting& setting : settings)
      fuzz::require(words.source(setting.name) == Source::File, "a setting takes effect");
    fuzz::require(words.key == "job", "the command line beats the file");
  } catch (const UsageError& complaint) {
    fuzz::require(complaint.code == ExitCode::Configuration, "an error message names the file");
    check_line(line_in(complaint.message), text);
  }
  return 0;
}
