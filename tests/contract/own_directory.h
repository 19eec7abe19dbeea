// A directory of its own for a case, below that of TMPDIR: whoever ends the cases before their end
// can then remove what they have left.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace dlock::test {

inline std::string make_own_directory() {
  std::string pattern = std::filesystem::temp_directory_path() / "dlock-contract-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  return pattern;
}

}  // namespace dlock::test
