#pragma once

#include "operate/screen.h"

#include <string>
#include <vector>

namespace dlock::operate {

struct Cell {
  std::string text;  // printable
  Colour colour = Colour::Plain;
};

/// Rows below a title, each column as wide as its widest cell. On a terminal that is too narrow the
/// columns at the right are cut.
class Table {
 public:
  explicit Table(const std::vector<std::string>& titles);
  /// As many cells as there are titles.
  void add(std::vector<Cell> row);
  std::string text(const Screen& screen) const;

 private:
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace dlock::operate
