#pragma once

#include <cstddef>
#include <string>

namespace dlock::operate {

/// What stdout is, as far as it changes how we write to it.
struct Screen {
  std::size_t width = 0;  // columns; 0: as many as are needed
  bool colours = false;
  bool can_redraw = false;

  /// Colours only on a terminal, and not if NO_COLOR is set (https://no-color.org).
  static Screen of_stdout();
};

enum class Colour { Plain, Bold, Green, Yellow, Red };
std::string coloured(const std::string& text, Colour colour, const Screen& screen);

/// How many columns a text takes on a terminal; it must be printable.
std::size_t columns(const std::string& text);
/// The text, cut to that many columns: a cut is marked by an ellipsis.
std::string cut_to(const std::string& text, std::size_t width);

}  // namespace dlock::operate
