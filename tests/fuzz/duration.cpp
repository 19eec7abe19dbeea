// Durations of options and of the configuration file.
#include "core/duration.h"

#include "fuzz/property.h"

using namespace dlock;
using namespace std::chrono_literals;

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const auto duration = parse_duration(text);
  if (!duration) {
    fuzz::require(!duration.error().empty(), "a refusal has a reason");
    return 0;
  }
  fuzz::require(*duration >= 0ns && *duration <= 365 * 24h, "a duration is from 0 to 365d");
  fuzz::require(text.find_first_not_of("0123456789.dhms") == text.npos,
                "a duration is digits, a point and a unit");
  const std::string written = to_text(*duration);
  const auto again = parse_duration(written);
  fuzz::require(again.ok(), "a written duration can be parsed");
  fuzz::require(*again == std::chrono::ceil<std::chrono::milliseconds>(*duration),
                "it is parsed as the same, to the millisecond");
  fuzz::require(to_text(*again) == written, "it is written as the same");
  return 0;
}
