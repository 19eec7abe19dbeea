#include "operate/screen.h"

#include <array>
#include <clocale>
#include <cstdlib>
#include <cwchar>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

namespace dlock::operate {
namespace {

/// The bytes and columns of the next character. What is no character in this locale counts by
/// bytes.
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

/// Our texts are UTF-8 whatever the user's locale is.
void read_utf8() {
  static const char* const locale = std::setlocale(LC_CTYPE, "C.UTF-8");
  static_cast<void>(locale);
}

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

}  // namespace dlock::operate
