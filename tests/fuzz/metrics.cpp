// An existing metrics file: a run is added to it, or it is refused. The first line of the input is
// the key of the run, the rest is the file.
#include "report/metrics.h"

#include "core/text.h"
#include "fuzz/property.h"

using namespace dlock;

namespace {

/// A sample is a name, optional labels, a blank and a number.
void check_line(std::string_view line) {
  const auto blank = line.rfind(' ');
  fuzz::require(blank != line.npos, "a sample has a value");
  const std::string value{line.substr(blank + 1)};
  char* end = nullptr;
  std::strtod(value.c_str(), &end);
  fuzz::require(!value.empty() && *end == '\0', "the value of a sample is a number");
}

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view old = fuzz::text_of(data, size);
  RunReport run;
  run.ending = Ending::JobEnded;
  run.key = fuzz::take_line(old);
  if (size % 2 == 0) run.held = Duration::zero();
  const auto text = with_run(old, run, 1.75e9);
  if (!text) return 0;
  for (const std::string_view line : fuzz::lines_of(*text)) {
    if (!line.empty() && line.front() != '#') check_line(line);
  }
  const auto again = with_run(*text, run, 1.75e9);
  fuzz::require(again.has_value(), "a written file can be parsed");
  fuzz::require(fuzz::lines_of(*again).size() == fuzz::lines_of(*text).size(),
                "another run of the key adds no line");
  return 0;
}
