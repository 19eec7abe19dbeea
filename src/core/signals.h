#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dlock {

/// The number of a signal given as `TERM`, `SIGTERM`, `term` or `15`; `RTMIN+3` too.
std::optional<int> parse_signal(std::string_view text);

/// `SIGTERM`, or `signal 42` for one without a name.
std::string signal_name(int number);

/// By which people and service managers ask a program to end: TERM, INT, HUP and QUIT.
bool asks_to_stop(int number);

/// Whether the default action of that signal is to end a process (signal(7)).
bool ends_by_default(int number);

}  // namespace dlock
