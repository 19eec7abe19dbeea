#pragma once

#include "os/fd.h"

#include <string>

namespace dlock {

/// A file in memory that has the text, read from its beginning by whoever gets it; not open, with
/// errno set, if there can be none. It has room for what no message and no pipe has.
Fd memory_file(const std::string& text);

/// All of such a file.
std::string contents_of(const Fd& memory_file);

}  // namespace dlock
