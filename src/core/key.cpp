#include "core/key.h"

namespace dlock {

Result<LockKey, std::string> LockKey::parse(std::string_view text) {
  if (text.empty()) return std::string{"is empty: name what the job must not share"};
  if (text.size() > longest) {
    return "is too long: it has " + std::to_string(text.size()) + " bytes, the most is " +
           std::to_string(longest);
  }
  if (text.find('\0') != text.npos) return std::string{"holds a NUL byte: use any other byte"};
  return LockKey{text};
}

}  // namespace dlock
