#include "supervise/proc.h"

#include "core/fd.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace dlock::supervise {
namespace {

using Path = std::array<char, 64>;

/// The entries of a directory whose names are numbers: processes, or threads of one.
std::vector<pid_t> numbers_in(const char* path) {
  std::vector<pid_t> numbers;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory{::opendir(path), ::closedir};
  if (!directory) return numbers;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
      numbers.push_back(std::atoi(entry->d_name));
  }
  return numbers;
}

std::vector<pid_t> children_by_scan(pid_t parent) {
  std::vector<pid_t> children;
  for (const pid_t pid : numbers_in("/proc")) {
    const auto info = examine(pid);
    if (info && info->parent == parent) children.push_back(pid);
  }
  return children;
}

}  // namespace

std::string read_file(const char* path) {
  const Fd file{::open(path, O_RDONLY | O_CLOEXEC)};
  std::string text;
  if (!file.open()) return text;
  std::array<char, 4096> buffer;
  for (;;) {
    const auto count = ::read(file.number(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

std::optional<ProcessInfo> examine(pid_t pid) {
  Path path;
  std::snprintf(path.data(), path.size(), "/proc/%d/stat", pid);
  return parse_stat(pid, read_file(path.data()));
}

std::optional<ProcessInfo> parse_stat(pid_t pid, const std::string& text) {
  // The name is in parentheses and may hold any byte, parentheses too: what counts is after the
  // last.
  const auto name_end = text.rfind(')');
  if (name_end == text.npos) return {};
  ProcessInfo info;
  info.pid = pid;
  if (std::sscanf(text.c_str() + name_end + 1, " %c %d %d %d", &info.state, &info.parent,
                  &info.group, &info.session) != 4) {
    return {};
  }
  return info;
}

long user_of(pid_t pid) {
  Path path;
  std::snprintf(path.data(), path.size(), "/proc/%d", pid);
  struct stat status {};
  return ::stat(path.data(), &status) == 0 ? static_cast<long>(status.st_uid) : -1;
}

Listing probe_listing() {
  Path path;
  std::snprintf(path.data(), path.size(), "/proc/self/task/%d/children", ::getpid());
  if (::access(path.data(), R_OK) == 0) return Listing::ChildrenFiles;
  return examine(::getpid()) ? Listing::Scan : Listing::None;
}

std::vector<pid_t> children_of(pid_t pid, Listing listing) {
  if (listing == Listing::Scan) return children_by_scan(pid);
  std::vector<pid_t> children;
  Path tasks;
  std::snprintf(tasks.data(), tasks.size(), "/proc/%d/task", pid);
  for (const pid_t thread : numbers_in(tasks.data())) {
    Path path;
    std::snprintf(path.data(), path.size(), "/proc/%d/task/%d/children", pid, thread);
    const std::string text = read_file(path.data());
    const char* at = text.data();
    const char* const end = at + text.size();
    for (pid_t child = 0; at < end; ++at) {
      const auto [next, error] = std::from_chars(at, end, child);
      if (error != std::errc{}) break;
      children.push_back(child);
      at = next;
    }
  }
  return children;
}

bool descends_from(pid_t pid, pid_t ancestor) {
  constexpr int deepest = 10'000;
  for (int depth = 0; depth < deepest && pid > 1; ++depth) {
    const auto info = examine(pid);
    if (!info) return false;
    if (info->parent == ancestor) return true;
    pid = info->parent;
  }
  return false;
}

}  // namespace dlock::supervise
