#pragma once

#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

namespace dlock {

/// Parses the whole text as a decimal number: 010 is ten, and blanks or a plus are errors. Nothing
/// if the text is no number, or not in the range from `least` to `most`.
template <class Number>
std::optional<Number> parse_number(std::string_view text,
                                   Number least = std::numeric_limits<Number>::min(),
                                   Number most = std::numeric_limits<Number>::max()) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto [read_up_to, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || read_up_to != end || number < least || number > most) return {};
  return number;
}

}  // namespace dlock
