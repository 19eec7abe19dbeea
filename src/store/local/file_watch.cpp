#include "store/local/file_watch.h"

#include <array>
#include <sys/inotify.h>
#include <unistd.h>

namespace dlock::local {

FileWatch::FileWatch(const std::vector<std::string>& paths)
    : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  for (const std::string& path : paths) {
    // IN_ATTRIB: a file that somebody has open is not deleted, but loses its name.
    if (::inotify_add_watch(fd_.number(), path.c_str(),
                            IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF) < 0) {
      fd_.close();
      return;
    }
  }
}

void FileWatch::forget_what_happened() {
  std::array<char, 4096> ignored;
  while (::read(fd_.number(), ignored.data(), ignored.size()) > 0) {
  }
}

}  // namespace dlock::local
