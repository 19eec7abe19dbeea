// The settings of the configuration file, and the error messages for an invalid one.
#include "cli/config_file.h"

#include "cli/usage_error.h"

#include <doctest/doctest.h>

using namespace dlock;
using namespace dlock::cli;

namespace {

std::string complaint_about(const std::string& text) {
  try {
    parse_config("FILE", text);
  } catch (const UsageError& complaint) {
    return complaint.message;
  }
  return "none";
}

}  // namespace

TEST_CASE("the settings of a file are read in order, in the form of command-line options") {
  const auto settings =
      parse_config("FILE", "ttl = '30s'\nlimit = 3\n\nmax-run = 1.5\nwait = true\n");
  REQUIRE(settings.size() == 4);
  CHECK(settings[0].value == "30s");
  CHECK(settings[1].value == "3");
  CHECK(settings[2].value == "1.5");
  CHECK(settings[2].line == 4);
  CHECK(settings[3].value == "true");
  CHECK(settings[3].is_boolean);
}

TEST_CASE(
    "a file that is not TOML is refused with the number of the line, whatever bytes it contains") {
  for (const char* text : {"[\x01run]\n", "[[\x01", "a = \"\n", "\xff", "\u00e9 = 1", "\ufcff",
                           "a\x01 = 1", "[run]\na = 1"}) {
    CAPTURE(text);
    CHECK(complaint_about(text).starts_with("FILE line 1: "));
  }
  CHECK(complaint_about("a = 1\nb = [1]\n").starts_with("FILE line 2: 'b' has a value of a type"));
}
