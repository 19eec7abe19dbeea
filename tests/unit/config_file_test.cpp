// What the configuration file says, and what is said of a bad one.
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

TEST_CASE("the settings of a file come in their order, as the command line would write them") {
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

TEST_CASE("a file that is no TOML is refused with the line, whatever bytes it has") {
  for (const char* text : {"[\x01run]\n", "[[\x01", "a = \"\n", "\xff", "\u00e9 = 1", "\ufcff",
                           "a\x01 = 1", "[run]\na = 1"}) {
    CAPTURE(text);
    CHECK(complaint_about(text).starts_with("FILE line 1: "));
  }
  CHECK(complaint_about("a = 1\nb = [1]\n").starts_with("FILE line 2: 'b' has a value of a kind"));
}
