// Arbitrary bytes for a terminal, a log or JSON.
#include "core/text.h"

#include "fuzz/property.h"
#include "operate/screen.h"

#include <nlohmann/json.hpp>

using namespace dlock;

namespace {

bool is_utf8(const std::string& text) {
  try {
    return !nlohmann::json(text).dump().empty();
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const std::string shown = printable(text);
  fuzz::require(fuzz::repaints_nothing(shown) && shown.find('\n') == shown.npos,
                "printable text has no control characters");
  fuzz::require(is_utf8(shown), "printable text is UTF-8");
  fuzz::require(printable(shown) == shown, "printable text is unchanged");
  fuzz::require(shown.size() <= size, "text does not become longer");

  const std::size_t most = size == 0 ? 0 : data[0];
  const std::string cut = excerpt(text, most);
  fuzz::require(cut.size() <= most + std::string_view{"…"}.size(), "an excerpt is short");
  fuzz::require(is_utf8(cut), "an excerpt cuts no character in two");
  const std::string fitted = operate::cut_to(shown, most);
  fuzz::require(operate::columns(fitted) <= most, "a cut line is not wider than the terminal");

  const std::string safe = without_url_secrets(text);
  fuzz::require(!has_url_password(safe), "no password is left in a URL");
  fuzz::require(without_url_secrets(safe) == safe, "hiding a login twice has no further effect");
  fuzz::require(text.find("://") != text.npos || safe == text, "text without a URL is unchanged");
  return 0;
}
