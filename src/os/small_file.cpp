#include "os/small_file.h"

#include "os/fd.h"

#include <array>
#include <cerrno>
#include <fcntl.h>

namespace dlock {

SmallFile SmallFile::read(const std::string& path) {
  constexpr std::size_t largest = 1 << 16;
  SmallFile file;
  const auto failed = [&](int error) {
    file.error = error;
    return file;
  };
  // A fifo without a writer would hold us up.
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat facts {};
  if (!fd.open() || ::fstat(fd.number(), &facts) != 0) return failed(errno);
  if (S_ISDIR(facts.st_mode)) return failed(EISDIR);
  if (!S_ISREG(facts.st_mode) && !S_ISCHR(facts.st_mode)) return failed(EINVAL);
  file.mode = facts.st_mode;
  file.owner = facts.st_uid;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t count = ::read(fd.number(), buffer.data(), buffer.size());
    if (count < 0) return failed(errno);
    if (count == 0) return file;
    file.text.append(buffer.data(), static_cast<std::size_t>(count));
    if (file.text.size() > largest) return failed(EFBIG);
  }
}

}  // namespace dlock
