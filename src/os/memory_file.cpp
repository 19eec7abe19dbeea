#include "os/memory_file.h"

#include <array>
#include <cerrno>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

namespace dlock {

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
  std::array<char, 16384> buffer;
  for (ssize_t count = 1; count > 0;) {
    count = ::pread(memory_file.number(), buffer.data(), buffer.size(),
                    static_cast<off_t>(text.size()));
    if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return text;
}

}  // namespace dlock
