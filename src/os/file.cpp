#include "os/file.h"

#include "os/fd.h"
#include "os/self.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dlock {

SmallFile SmallFile::read(const std::string& path) {
  constexpr std::size_t largest = 1 << 16;
  SmallFile file;
  const auto failed = [&file](int number) {
    file.error = number;
    return file;
  };
  // A fifo without a writer would block.
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat facts {};
  if (!fd.open() || ::fstat(fd.number(), &facts) != 0) return failed(errno);
  if (S_ISDIR(facts.st_mode)) return failed(EISDIR);
  if (!S_ISREG(facts.st_mode) && !S_ISCHR(facts.st_mode)) return failed(EINVAL);
  file.mode = facts.st_mode;
  if (!read_whole(fd.number(), file.text, largest)) return failed(errno);
  if (file.text.size() > largest) return failed(EFBIG);
  return file;
}

bool read_whole(int fd, std::string& text, std::size_t most) {
  std::array<char, 16384> buffer;
  while (text.size() <= most) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count == 0;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return true;
}

std::string read_file(const char* path) {
  std::string text;
  const Fd file{::open(path, O_RDONLY | O_CLOEXEC)};
  if (file.open()) read_whole(file.number(), text, std::string::npos - 1);
  return text;
}

Fd memory_file(const std::string& text) {
  Fd file{::memfd_create("dlock-report", MFD_CLOEXEC)};
  for (std::string_view rest = text; file.open() && !rest.empty();) {
    const ssize_t count = ::write(file.number(), rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return {};
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  if (file.open()) ::lseek(file.number(), 0, SEEK_SET);
  return file;
}

std::string contents_of(const Fd& memory_file) {
  std::string text;
  ::lseek(memory_file.number(), 0, SEEK_SET);
  read_whole(memory_file.number(), text, std::string::npos - 1);
  return text;
}

namespace {

/// Random, so it never collides with a file left behind by a killed run: in a container every pid
/// is 1.
std::string temporary_name(const std::string& path) {
  return path + "." + std::to_string(random_number()) + ".tmp";
}

/// Writes all of the text; false with errno set. A full disk accepts a part before it reports the
/// error.
bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(file, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

int create(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
}

}  // namespace

bool write_atomically(const std::string& path, const std::string& text) {
  const std::string temporary = temporary_name(path);
  Fd file{create(temporary)};

  if (!file.open()) return false;
  const bool written = write_all(file.number(), text);
  const int why_not = errno;
  file.close();
  errno = why_not;
  if (written && ::rename(temporary.c_str(), path.c_str()) == 0) return true;
  const int error = errno;
  ::unlink(temporary.c_str());
  errno = error;
  return false;
}

std::string why_not_writable(const std::string& path) {
  struct stat status {};
  // A rename over /dev/null would be destructive, and one over a directory would fail after the job
  // has run.
  if (::lstat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
    return "exists and is not a regular file";
  if (path.empty() || path.back() == '/') return "names no file";
  // Tests by writing: a file system can refuse what the permissions allow.
  const std::string temporary = temporary_name(path);
  const Fd file{create(temporary)};
  if (!file.open()) return "cannot be written to its directory: " + std::string{::strerror(errno)};
  ::unlink(temporary.c_str());
  return {};
}

}  // namespace dlock
