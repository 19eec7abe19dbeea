#pragma once

#include "os/fd.h"

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

/// Appends all that can be read from there on, until the text has more than `most` bytes. False,
/// with errno set, when that fails: what came before is in the text.
bool read_whole(int fd, std::string& text, std::size_t most);

/// What is in that file, as far as it can be read: for files of /proc and /sys.
std::string read_file(const char* path);

/// A file in memory that has the text, read from its beginning by whoever gets it; not open, with
/// errno set, if there can be none. It has room for what no message and no pipe has.
Fd memory_file(const std::string& text);

/// All of such a file.
std::string contents_of(const Fd& memory_file);

/// Puts `text` in the place of `path`, which has the old or the new contents at any moment, whoever
/// reads it and whenever we are killed. After a loss of power it may have neither: nobody waits for
/// the disk. False with errno set.
bool write_atomically(const std::string& path, const std::string& text);

/// Why a file could not be written there; empty if it can.
std::string why_not_writable(const std::string& path);

}  // namespace dlock
