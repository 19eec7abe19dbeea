#include "operate/screen.h"

#include <algorithm>
#include <array>
#include <clocale>
#include <cstdlib>
#include <cwchar>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

namespace dlock::operate {

namespace {

/// The bytes and columns of the next character. A byte that is no character in this locale counts
/// as one column.
struct Character {
  std::size_t bytes;
  std::size_t columns;
};

Character next_character(const char* text, std::size_t length, std::mbstate_t& state) {
  wchar_t wide = 0;
  const std::size_t bytes = std::mbrtowc(&wide, text, length, &state);
  if (bytes == 0 || bytes > length) {
    state = {};
    return {1, 1};
  }
  const int width = ::wcwidth(wide);
  return {bytes, static_cast<std::size_t>(width < 0 ? 1 : width)};
}

/// The texts of dlock are UTF-8 in every locale of the user.
void read_utf8() {
  static const char* const locale = std::setlocale(LC_CTYPE, "C.UTF-8");
  static_cast<void>(locale);
}

constexpr std::size_t gap = 2;

}  // namespace

Screen Screen::of_stdout() {
  Screen screen;
  if (::isatty(STDOUT_FILENO) == 0) return screen;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) screen.width = size.ws_col;
  const char* const terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::string_view{terminal} == "dumb";
  const char* const no_colour = std::getenv("NO_COLOR");
  screen.colours = !dumb && (no_colour == nullptr || *no_colour == '\0');
  screen.can_redraw = !dumb;
  return screen;
}

std::string coloured(const std::string& text, Colour colour, const Screen& screen) {
  if (!screen.colours || colour == Colour::Plain || text.empty()) return text;
  constexpr std::array codes{"0", "1", "32", "33", "1;31"};
  return std::string{"\033["} + codes.at(static_cast<std::size_t>(colour)) + "m" + text + "\033[0m";
}

std::size_t columns(const std::string& text) {
  read_utf8();
  std::mbstate_t state{};
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Character next = next_character(text.data() + at, text.size() - at, state);
    at += next.bytes;
    width += next.columns;
  }
  return width;
}

std::string cut_to(const std::string& text, std::size_t width) {
  if (columns(text) <= width) return text;
  if (width == 0) return {};
  std::mbstate_t state{};
  std::size_t used = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const Character next = next_character(text.data() + at, text.size() - at, state);
    if (used + next.columns > width - 1) break;
    at += next.bytes;
    used += next.columns;
  }
  return text.substr(0, at) + "\u2026";
}

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
      const std::string rendered = cut_to(row[i].text, std::min(room, widths[i]));
      if (i > 0) line += std::string(gap, ' ');
      line += coloured(rendered, row[i].colour, screen);
      const bool is_last = i + 1 == row.size();
      const std::size_t padded = std::min(room, widths[i]);
      if (!is_last) line += std::string(padded - std::min(padded, columns(rendered)), ' ');
      used = start + padded;
    }
    while (line.ends_with(' ')) line.pop_back();
    out += line + "\n";
  }
  return out;
}

}  // namespace dlock::operate
