// A directory for one case, below TMPDIR: a caller that kills the cases can then remove what they
// have left.
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
