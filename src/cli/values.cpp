#include "cli/values.h"

#include "cli/complaint.h"
#include "core/duration.h"

namespace dlock::cli {

Duration duration_of(const char* option, const std::string& word) {
  auto duration = parse_duration(word);
  if (!duration) complain(std::string{option} + " " + in_quotes(word) + " " + duration.error());
  return *duration;
}

}  // namespace dlock::cli
