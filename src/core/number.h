#pragma once

#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

namespace dlock {

/// The number that the text is, the whole of it: decimal, 010 is ten, and neither blanks nor a
/// plus. None if it is not one, or not from `least` to `most`.
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
