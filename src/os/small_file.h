#pragma once

#include <string>
#include <sys/stat.h>

namespace dlock {

/// A file that holds settings: read whole, with mode and owner at that moment.
struct SmallFile {
  std::string text;
  mode_t mode = 0;
  uid_t owner = 0;
  int error = 0;  // an errno; EFBIG when it is too large to be one, EINVAL when it is no file

  static SmallFile read(const std::string& path);
};

}  // namespace dlock
