#pragma once

#include "os/fd.h"

#include <string>
#include <sys/stat.h>

namespace dlock {

/// A settings file, read completely, with its mode at that moment.
struct SmallFile {
  std::string text;
  mode_t mode = 0;
  int error = 0;  // an errno; EFBIG if it is too large for settings, EINVAL if it is not a regular
                  // file

  static SmallFile read(const std::string& path);
};

/// Appends all that can be read from the current position, until the text has more than `most`
/// bytes. False, with errno set, on failure: the bytes read before are in the text.
bool read_whole(int fd, std::string& text, std::size_t most);

/// The contents of that file, as far as they can be read: for files of /proc and /sys.
std::string read_file(const char* path);

/// A file in memory with that text, positioned at its beginning; not open, with errno set, if it
/// cannot be created. It can hold more than a message or a pipe.
Fd memory_file(const std::string& text);

/// The complete contents of such a file.
std::string contents_of(const Fd& memory_file);

/// Replaces `path` with `text` atomically: readers see the old or the new contents, even if dlock
/// is killed. After a power failure the file can have neither, because the write does not wait for
/// the disk. False with errno set.
bool write_atomically(const std::string& path, const std::string& text);

/// The reason why no file can be written at that path; empty if one can.
std::string why_not_writable(const std::string& path);

}  // namespace dlock
