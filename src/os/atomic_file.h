#pragma once

#include <string>

namespace dlock {

/// Puts `text` in the place of `path`, which has the old or the new contents at any moment, whoever
/// reads it and whenever we are killed. After a loss of power it may have neither: nobody waits for
/// the disk. False with errno set.
bool write_atomically(const std::string& path, const std::string& text);

/// Why a file could not be written there; empty if it can.
std::string why_not_writable(const std::string& path);

}  // namespace dlock
