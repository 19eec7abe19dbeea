#include "operate/table.h"

#include <algorithm>

namespace dlock::operate {
namespace {

constexpr std::size_t gap = 2;

}  // namespace

Table::Table(const std::vector<std::string>& titles) {
  std::vector<Cell> row;
  for (const std::string& title : titles) row.push_back({title, Colour::Bold});
  rows_.push_back(std::move(row));
}

void Table::add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }

std::string Table::text(const Screen& screen) const {
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], columns(row[i].text));
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    std::size_t used = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::size_t start = used == 0 ? 0 : used + gap;
      if (screen.width > 0 && start >= screen.width) break;
      const std::size_t room = screen.width > 0 ? screen.width - start : widths[i];
      const std::string shown = cut_to(row[i].text, std::min(room, widths[i]));
      if (i > 0) line += std::string(gap, ' ');
      line += coloured(shown, row[i].colour, screen);
      const bool is_last = i + 1 == row.size();
      const std::size_t padded = std::min(room, widths[i]);
      if (!is_last) line += std::string(padded - std::min(padded, columns(shown)), ' ');
      used = start + padded;
    }
    while (line.ends_with(' ')) line.pop_back();
    out += line + "\n";
  }
  return out;
}

}  // namespace dlock::operate
