#include "supervise/atomic_file.h"

#include "core/fd.h"
#include "core/random.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dlock::supervise {
namespace {

/// Never one that a run left behind which was killed: in a container every pid is 1.
std::string temporary_name(const std::string& path) {
  return path + "." + std::to_string(random_number()) + ".tmp";
}

int create(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
}

}  // namespace

bool write_atomically(const std::string& path, const std::string& text) {
  const std::string temporary = temporary_name(path);
  Fd file{create(temporary)};

  if (!file.open()) return false;
  const bool written =
      ::write(file.number(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  file.close();
  if (written && ::rename(temporary.c_str(), path.c_str()) == 0) return true;
  const int error = errno;
  ::unlink(temporary.c_str());
  errno = error;
  return false;
}

std::string why_not_writable(const std::string& path) {
  struct stat status {};
  // A rename over /dev/null or a directory would be a disaster, or fail when the job has run.
  if (::lstat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
    return "is there already and is no regular file";
  if (path.empty() || path.back() == '/') return "names no file";
  // Tried for real: what rights allow, a file system may still refuse.
  const std::string temporary = temporary_name(path);
  const Fd file{create(temporary)};
  if (!file.open())
    return "cannot be written into its directory: " + std::string{::strerror(errno)};
  ::unlink(temporary.c_str());
  return {};
}

}  // namespace dlock::supervise
