#pragma once

#include "core/result.h"

#include <string>
#include <string_view>

namespace dlock {

/// The name of a lock as the user gave it: 1 to 512 bytes, any but NUL. Checked once, here.
class LockKey {
 public:
  /// The error is the half sentence that comes after `--key` and the value.
  static Result<LockKey, std::string> parse(std::string_view text);
  const std::string& bytes() const { return bytes_; }

  static constexpr std::size_t longest = 512;

 private:
  explicit LockKey(std::string_view bytes) : bytes_(bytes) {}
  std::string bytes_;
};

}  // namespace dlock
