#include "cli/job_limits.h"

#include "cli/complaint.h"
#include "cli/values.h"

namespace dlock::cli {

std::optional<Duration> time_limit_of(const Words& words, const std::string& name,
                                      const std::string& word) {
  if (!words.given(name)) return {};
  const std::string option = "--" + name;
  const Duration limit = duration_of(option.c_str(), word);
  if (limit == Duration::zero()) {
    complain(option + " " + quoted(word) +
             " leaves no time at all: write more than 0, or leave the option out");
  }
  return limit;
}

}  // namespace dlock::cli
