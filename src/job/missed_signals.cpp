#include "job/missed_signals.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <string_view>
#include <unistd.h>

namespace dlock {
namespace {

/// Finds lines of /proc/PID/status on the stack alone.
class StatusFile {
 public:
  explicit StatusFile(const char* path) : fd_(::open(path, O_RDONLY | O_CLOEXEC)) {}
  ~StatusFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  StatusFile(const StatusFile&) = delete;
  StatusFile& operator=(const StatusFile&) = delete;

  /// What comes after `name`, as in "ShdPnd:\t", up to the end of the line; empty if there is no
  /// such line. Lines must be asked for in the order of the file, and be short; others may have
  /// any length, as that of the groups has.
  std::string_view value(std::string_view name) {
    for (;;) {
      const std::string_view text{buffer_.data(), size_};
      const auto begin = text.find(name);
      const auto end = begin == text.npos ? begin : text.find('\n', begin);
      if (end != text.npos) return text.substr(begin + name.size(), end - begin - name.size());
      if (!read_on()) return {};
    }
  }

 private:
  bool read_on() {
    const std::size_t kept = std::min(size_, longest_line);
    std::copy(buffer_.begin() + static_cast<long>(size_ - kept),
              buffer_.begin() + static_cast<long>(size_), buffer_.begin());
    ssize_t count = -1;
    do {
      count = ::read(fd_, buffer_.data() + kept, buffer_.size() - kept);
    } while (count < 0 && errno == EINTR);
    size_ = kept + static_cast<std::size_t>(std::max<ssize_t>(count, 0));
    return count > 0;
  }

  static constexpr std::size_t longest_line = 64;
  int fd_;
  std::array<char, 2048> buffer_;
  std::size_t size_ = 0;
};

using SignalBits = std::uint64_t;  // bit n-1 is signal n

/// What waits for the process as a whole: that is where a terminal's signals are.
SignalBits pending_in_parent() {
  // Our parent as the mounted /proc knows it, which may be that of another pid namespace.
  std::array<char, 40> path{"/proc/"};
  {
    StatusFile own{"/proc/self/status"};
    const std::string_view parent = own.value("PPid:\t");
    constexpr std::string_view rest = "/status";
    if (parent.empty() || parent == "0" || parent.size() > 20) return 0;
    auto end = std::copy(parent.begin(), parent.end(), path.begin() + 6);
    std::copy(rest.begin(), rest.end(), end);
  }
  StatusFile status{path.data()};
  const std::string_view digits = status.value("ShdPnd:\t");
  SignalBits bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits, 16);
  return error == std::errc{} && end == digits.data() + digits.size() ? bits : 0;
}

}  // namespace

void make_up_for_missed_signals() {
  const SignalBits parents = pending_in_parent();
  // Only now ours: one that comes between the two looks we have, and the parent seems not to.
  sigset_t ours;
  ::sigpending(&ours);
  for (const int number : {SIGINT, SIGQUIT, SIGHUP}) {
    const bool has_it = (parents >> (number - 1) & 1) != 0;
    // kill(2), for raise(3) would take the thread that we borrowed our memory from.
    if (has_it && ::sigismember(&ours, number) == 0) ::kill(::getpid(), number);
  }
}

}  // namespace dlock
