#include "core/signals.h"

#include "core/number.h"

#include <algorithm>
#include <csignal>
#include <cstring>

namespace dlock {
namespace {

std::optional<int> in_range(std::optional<int> number) {
  return number && *number >= 1 && *number <= SIGRTMAX ? number : std::nullopt;
}

}  // namespace

std::optional<int> parse_signal(std::string_view text) {
  if (const auto number = parse_number<int>(text)) return in_range(number);

  std::string name{text};
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  if (name.starts_with("SIG")) name.erase(0, 3);

  if (name == "RTMIN") return SIGRTMIN;
  if (name == "RTMAX") return SIGRTMAX;
  const auto offset = parse_number<int>(name.size() > 6 ? std::string_view{name}.substr(6) : "");
  if (name.starts_with("RTMIN+") && offset) return in_range(SIGRTMIN + *offset);
  if (name.starts_with("RTMAX-") && offset) return in_range(SIGRTMAX - *offset);
  for (int number = 1; number < SIGRTMIN; ++number) {
    const char* known = ::sigabbrev_np(number);
    if (known != nullptr && name == known) return number;
  }
  return {};
}

std::string signal_name(int number) {
  const char* known = ::sigabbrev_np(number);
  return known != nullptr ? "SIG" + std::string{known} : "signal " + std::to_string(number);
}

}  // namespace dlock
