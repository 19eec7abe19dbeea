#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dlock {

/// Returns the number of a signal given as `TERM`, `SIGTERM`, `term` or `15`; `RTMIN+3` too.
std::optional<int> parse_signal(std::string_view text);

/// `SIGTERM`, or `signal 42` for one without a name.
std::string signal_name(int number);

/// Whether people and service managers use the signal to end a program: TERM, INT, HUP and QUIT.
bool asks_to_stop(int number);

/// Whether the default action of the signal is to end a process (signal(7)).
bool ends_by_default(int number);

}  // namespace dlock
