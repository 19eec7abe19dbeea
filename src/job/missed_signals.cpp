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

/// Finds lines of /proc/PID/status with stack memory only.
class StatusFile {
 public:
  explicit StatusFile(const char* path) : fd_(::open(path, O_RDONLY | O_CLOEXEC)) {}
  ~StatusFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  StatusFile(const StatusFile&) = delete;
  StatusFile& operator=(const StatusFile&) = delete;

  /// Returns the text after `name`, such as "ShdPnd:\t", up to the end of the line; empty if there
  /// is no such line. The lines must be queried in the order of the file and must be short; other
  /// lines, such as Groups, can have any length.
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

/// The signals pending for the process as a whole: a signal of the terminal is among them.
SignalBits pending_in_parent() {
  // The parent's pid in the mounted /proc, which may belong to another pid namespace.
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
  // The parent is read first: a signal that arrives between the two reads is then pending here and
  // seems missing in the parent, which is harmless.
  sigset_t ours;
  ::sigpending(&ours);
  for (const int number : {SIGINT, SIGQUIT, SIGHUP}) {
    const bool has_it = (parents >> (number - 1) & 1) != 0;
    // kill(2), because raise(3) would use the thread id of the parent.
    if (has_it && ::sigismember(&ours, number) == 0) ::kill(::getpid(), number);
  }
}

}  // namespace dlock
