#include "os/claimed_directory.h"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dlock {
namespace {

Fd open_directory(const std::string& path) {
  return Fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
}

bool is_at(const Fd& directory, const std::string& path) {
  struct stat ours {};
  struct stat there {};
  return ::fstat(directory.number(), &ours) == 0 && ::lstat(path.c_str(), &there) == 0 &&
         ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

bool is_ours(const Fd& directory) {
  struct stat status {};
  return ::fstat(directory.number(), &status) == 0 && status.st_uid == ::geteuid();
}

}  // namespace

Fd claim_directory(const std::string& path) {
  Fd directory = open_directory(path);
  if (!directory.open()) {
    if (errno == ENOENT) errno = ESTALE;
    return {};
  }
  const bool locked = ::flock(directory.number(), LOCK_SH | LOCK_NB) == 0;
  if (!locked && errno != EWOULDBLOCK) return {};
  if (locked && is_at(directory, path)) return directory;
  errno = ESTALE;
  return {};
}

void sweep_abandoned(const std::string& parent, const Sweep& sweep) {
  constexpr int most_removed = 4;
  constexpr int most_looked_at = 4096;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries{::opendir(parent.c_str()), ::closedir};
  if (!entries) return;
  int removed = 0;
  for (int looked_at = 0; looked_at < most_looked_at && removed < most_removed; ++looked_at) {
    const dirent* entry = ::readdir(entries.get());
    if (entry == nullptr) return;
    const std::string_view name{entry->d_name};
    if (!sweep.may_be_ours(name)) continue;
    const std::string path = parent + "/" + std::string{name};
    const Fd directory = open_directory(path);
    if (!directory.open() || !is_ours(directory)) continue;
    if (::flock(directory.number(), LOCK_EX | LOCK_NB) != 0) continue;
    sweep.remove(path);
    ++removed;
  }
}

}  // namespace dlock
