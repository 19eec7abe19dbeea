#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace dlock::operate {

/// The properties of stdout that change how dlock writes to it.
struct Screen {
  std::size_t width = 0;  // columns; 0: no limit
  bool colours = false;
  bool can_redraw = false;

  /// Colours are used only on a terminal, and not if NO_COLOR is set (https://no-color.org).
  static Screen of_stdout();
};

enum class Colour { Plain, Bold, Green, Yellow, Red };
std::string coloured(const std::string& text, Colour colour, const Screen& screen);

/// The number of columns of a text on a terminal; the text must be printable.
std::size_t columns(const std::string& text);
/// The text, cut to that many columns; an ellipsis marks a cut.
std::string cut_to(const std::string& text, std::size_t width);

struct Cell {
  std::string text;  // printable
  Colour colour = Colour::Plain;
};

/// Rows below a title; each column is as wide as its widest cell. If the terminal is too narrow,
/// the columns at the right are cut.
class Table {
 public:
  explicit Table(const std::vector<std::string>& titles);
  /// Adds a row, with as many cells as there are titles.
  void add(std::vector<Cell> row);
  std::string text(const Screen& screen) const;

 private:
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace dlock::operate
