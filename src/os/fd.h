#pragma once

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace dlock {

/// Owns a file descriptor. All descriptors that dlock opens are close-on-exec: the job must not
/// inherit them.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int number) : number_(number) {}
  Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      close();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  ~Fd() { close(); }

  int number() const { return number_; }
  bool open() const { return number_ >= 0; }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_ = -1;
};

/// Waits until a child closes its end of a pipe, by close, by exec, or by its death.
class EndOfPipe {
 public:
  /// Call before the fork. If no pipe is available, wait() returns at once.
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
