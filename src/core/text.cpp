#include "core/text.h"

#include <algorithm>

namespace dlock {
namespace {

bool is_continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

/// Returns the length of the UTF-8 sequence at the start of `bytes`; 0 if there is none (RFC 3629).
std::size_t sequence_length(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || bytes.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(at(i))) return 0;
  }
  const bool overlong = (first == 0xE0 && at(1) < 0xA0) || (first == 0xF0 && at(1) < 0x90);
  const bool surrogate = first == 0xED && at(1) > 0x9F;
  const bool beyond_unicode = first == 0xF4 && at(1) > 0x8F;
  return overlong || surrogate || beyond_unicode ? 0 : length;
}

/// Whether it is a C0 or C1 control, DEL, or a bidirectional override, which reorders displayed
/// text.
bool is_control(std::string_view sequence) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 1) return at(0) < 0x20 || at(0) == 0x7F;
  if (sequence.size() == 2) return at(0) == 0xC2 && at(1) < 0xA0;
  if (sequence.size() != 3 || at(0) != 0xE2) return false;
  return (at(1) == 0x80 && at(2) >= 0xA8 && at(2) <= 0xAE) ||
         (at(1) == 0x81 && at(2) >= 0xA6 && at(2) <= 0xA9);
}

/// Replaces invalid UTF-8 and control characters by the result of `instead`.
template <class Instead>
std::string with_odd_ones(std::string_view bytes, const Instead& instead) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t length = sequence_length(bytes);
    const std::string_view sequence = bytes.substr(0, length == 0 ? 1 : length);
    if (length == 0 || is_control(sequence)) {
      out += instead(sequence);
    } else {
      out += sequence;
    }
    bytes.remove_prefix(sequence.size());
  }
  return out;
}

}  // namespace

std::string printable(std::string_view bytes) {
  return with_odd_ones(bytes, [](std::string_view) { return "?"; });
}

std::string escaped(std::string_view bytes) {
  constexpr const char* digits = "0123456789abcdef";
  const auto escape = [&](std::string_view sequence) {
    std::string out;
    for (const char c : sequence) {
      const auto byte = static_cast<unsigned char>(c);
      out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    }
    return out;
  };
  std::string out;
  for (;;) {
    const auto backslash = std::min(bytes.find('\\'), bytes.size());
    out += with_odd_ones(bytes.substr(0, backslash), escape);
    if (backslash == bytes.size()) return out;
    out += escape(bytes.substr(backslash, 1));
    bytes.remove_prefix(backslash + 1);
  }
}

std::string unescaped(std::string_view text) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool whole = text.substr(i).starts_with("\\x") && i + 3 < text.size();
    const int high = whole ? digit(text[i + 2]) : -1;
    const int low = whole ? digit(text[i + 3]) : -1;
    if (high < 0 || low < 0) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(high * 16 + low);
    i += 3;
  }
  return out;
}

std::string excerpt(std::string_view bytes, std::size_t most) {
  std::string text = printable(bytes);
  if (text.size() <= most) return text;
  std::size_t cut = most;
  while (cut > 0 && is_continuation(static_cast<unsigned char>(text[cut]))) --cut;
  text.resize(cut);
  return text + "…";
}

std::string about(std::string_view key) { return "key '" + excerpt(key, 100) + "'"; }

namespace {

/// Returns the next `user:password` before an @, from `start` on; empty, at the end, if there is
/// none.
std::string_view next_login(std::string_view text, std::size_t start) {
  for (std::size_t scheme = text.find("://", start); scheme != text.npos;
       scheme = text.find("://", scheme + 3)) {
    const std::string_view rest = text.substr(scheme + 3);
    // The last @ counts: a password can contain an @, and a slash too.
    const auto at = rest.substr(0, rest.find_first_of(" \t\n'\"")).rfind('@');
    if (at != rest.npos) return rest.substr(0, at);
  }
  return text.substr(text.size());
}

}  // namespace

std::string without_url_secrets(std::string_view text) {
  std::string out;
  std::size_t done = 0;
  for (;;) {
    const std::string_view login = next_login(text, done);
    const auto begin = static_cast<std::size_t>(login.data() - text.data());
    out += text.substr(done, begin - done);
    if (login.empty()) return out;
    out += "***";
    done = begin + login.size();
  }
}

bool has_url_password(std::string_view text) {
  const std::string_view login = next_login(text, 0);
  return login.find(':') != login.npos;
}

}  // namespace dlock
