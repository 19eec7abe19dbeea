#pragma once

#include "os/fd.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace dlock {

/// Waits until a child lets go of its end of a pipe: by closing it, by exec, or by its death.
class EndOfPipe {
 public:
  /// Before the fork. Where the system has no pipe for us, wait() does not wait.
  EndOfPipe() {
    std::array<int, 2> ends{-1, -1};
    [[maybe_unused]] const int made = ::pipe2(ends.data(), O_CLOEXEC);
    reading_ = Fd{ends[0]};
    writing_ = Fd{ends[1]};
  }

  /// For the child.
  int writing() const { return writing_.number(); }
  Fd take_writing() { return std::move(writing_); }

  void wait() {
    writing_.close();
    char nothing = 0;
    while (::read(reading_.number(), &nothing, 1) < 0 && errno == EINTR) {
    }
    reading_.close();
  }

 private:
  Fd reading_;
  Fd writing_;
};

}  // namespace dlock
