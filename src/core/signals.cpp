#include "core/signals.h"

#include "core/number.h"

#include <algorithm>
#include <csignal>
#include <cstring>

namespace dlock {
namespace {

/// Returns the distance of a real-time signal from the first or the last one: the number after
/// `word`.
std::optional<int> offset_behind(std::string_view word, std::string_view name) {
  if (!name.starts_with(word)) return {};
  return parse_number(name.substr(word.size()), 0, SIGRTMAX - SIGRTMIN);
}

}  // namespace

std::optional<int> parse_signal(std::string_view text) {
  if (const auto number = parse_number(text, 1, SIGRTMAX)) return number;

  std::string name{text};
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  if (name.starts_with("SIG")) name.erase(0, 3);

  if (name == "RTMIN") return SIGRTMIN;
  if (name == "RTMAX") return SIGRTMAX;
  if (const auto offset = offset_behind("RTMIN+", name)) return SIGRTMIN + *offset;
  if (const auto offset = offset_behind("RTMAX-", name)) return SIGRTMAX - *offset;
  for (int number = 1; number < SIGRTMIN; ++number) {
    const char* known = ::sigabbrev_np(number);
    if (known != nullptr && name == known) return number;
  }
  return {};
}

bool asks_to_stop(int number) {
  return number == SIGTERM || number == SIGINT || number == SIGHUP || number == SIGQUIT;
}

bool ends_by_default(int number) {
  switch (number) {
    case SIGCHLD:
    case SIGCONT:
    case SIGURG:
    case SIGWINCH:
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
      return false;
    default:
      return true;
  }
}

std::string signal_name(int number) {
  const char* known = ::sigabbrev_np(number);
  return known != nullptr ? "SIG" + std::string{known} : "signal " + std::to_string(number);
}

}  // namespace dlock
