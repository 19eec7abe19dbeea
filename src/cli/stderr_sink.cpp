#include "cli/stderr_sink.h"

#include "os/clock.h"
#include "os/wait.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace dlock::cli {
namespace {

constexpr int standard_error = 2;
constexpr Duration longest_stall = std::chrono::milliseconds{50};

}  // namespace

void StderrSink::find_out() {
  struct stat status {};
  if (::fstat(standard_error, &status) != 0 || S_ISREG(status.st_mode)) {
    kind_ = Kind::File;
  } else if (S_ISSOCK(status.st_mode)) {
    kind_ = Kind::Socket;
  } else {
    own_ = Fd{::open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_APPEND | O_CLOEXEC)};
    kind_ = own_.open() ? Kind::Reopened : Kind::Borrowed;
  }
}

bool StderrSink::wait_for_room() {
  std::array<pollfd, 1> watched{{{own_.open() ? own_.number() : standard_error, POLLOUT, 0}}};
  return wait_for_any(watched, BootClock::now() + (dropping_ ? Duration::zero() : longest_stall));
}

long StderrSink::try_write(std::string_view bytes) {
  switch (kind_) {
    case Kind::Socket:
      return ::send(standard_error, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    case Kind::Reopened:
      return ::write(own_.number(), bytes.data(), bytes.size());
    case Kind::Borrowed:
      // The pipe belongs to another user, so it cannot be opened again. A pipe that polls as
      // writable has room for PIPE_BUF bytes; only a second writer in between could make the write
      // block.
      if (!wait_for_room()) {
        errno = EAGAIN;
        return -1;
      }
      return ::write(standard_error, bytes.data(), std::min<std::size_t>(bytes.size(), 4096));
    case Kind::File:
    case Kind::Unknown:
      break;
  }
  return ::write(standard_error, bytes.data(), bytes.size());
}

void StderrSink::write_line(std::string_view line) {
  if (kind_ == Kind::Unknown) find_out();
  while (!line.empty()) {
    const long written = try_write(line);
    if (written > 0) {
      line.remove_prefix(static_cast<std::size_t>(written));
      dropping_ = false;
      continue;
    }
    if (errno == EINTR) continue;
    const bool full = written < 0 && errno == EAGAIN;
    if (!full || !wait_for_room()) {
      dropping_ = full;
      return;
    }
  }
}

}  // namespace dlock::cli
