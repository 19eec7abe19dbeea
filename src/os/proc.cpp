#include "os/proc.h"

#include "os/file.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace dlock {
namespace {

/// The numbers in a line of self/status, as in "NSpid:\t4711\t17"; empty if there is no such line.
std::vector<pid_t> numbers_of(std::string_view status, std::string_view line) {
  std::vector<pid_t> numbers;
  const auto begin = status.find(line);
  if (begin == status.npos) return numbers;
  status.remove_prefix(begin + line.size());
  status = status.substr(0, status.find('\n'));
  const char* at = status.data();
  const char* const end = at + status.size();
  while (at < end) {
    pid_t number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error == std::errc{}) numbers.push_back(number);
    at = error == std::errc{} ? next : at + 1;
  }
  return numbers;
}

}  // namespace

std::optional<ProcessInfo> parse_stat(pid_t pid, const std::string& text) {
  // The name is in parentheses and can contain any byte, parentheses too: the fields follow the
  // last one.
  const auto name_begin = text.find('(');
  const auto name_end = text.rfind(')');
  if (name_end == text.npos || name_begin >= name_end) return {};
  ProcessInfo info;
  info.pid = pid;
  info.name = text.substr(name_begin + 1, name_end - name_begin - 1);
  if (std::sscanf(text.c_str() + name_end + 1, " %c %d %d %d", &info.state, &info.parent,
                  &info.group, &info.session) != 4) {
    return {};
  }
  return info;
}

bool is_proc_of_our_namespace(pid_t pid, const std::string& self_status) {
  std::vector<pid_t> numbers = numbers_of(self_status, "\nNSpid:");
  // Before Linux 4.1, and in sandboxes that imitate it, there is only the number in the mount's
  // namespace.
  if (numbers.empty()) numbers = numbers_of(self_status, "\nPid:");
  return numbers == std::vector<pid_t>{pid};
}

Proc::Proc() : root_(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)) {
  // The /proc of a pid namespace that does not contain this process has no `self`, and neither has
  // a directory with nothing mounted on it.
  const std::string status = text_of("self/status");
  if (status.empty()) {
    why_unusable_ = std::string{"/proc does not show this process ("} + ::strerror(errno) +
                    "): it is not mounted, or belongs to another pid namespace";
  } else if (!is_proc_of_our_namespace(::getpid(), status)) {
    why_unusable_ = "/proc belongs to another pid namespace";
  } else {
    const std::string own = "self/task/" + std::to_string(::getpid()) + "/children";
    const bool listed = ::faccessat(root_.number(), own.c_str(), R_OK, 0) == 0;
    listing_ = listed ? Listing::ChildrenFiles : Listing::Scan;
  }
}

std::string Proc::text_of(const std::string& path) const {
  const Fd file{::openat(root_.number(), path.c_str(), O_RDONLY | O_CLOEXEC)};
  std::string text;
  if (file.open()) read_whole(file.number(), text, std::string::npos - 1);
  return text;
}

/// The entries of a directory whose names are numbers: processes, or threads of one.
std::vector<pid_t> Proc::numbers_in(const std::string& path) const {
  std::vector<pid_t> numbers;
  const int fd = ::openat(root_.number(), path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return numbers;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory{::fdopendir(fd), ::closedir};
  if (!directory) {
    ::close(fd);
    return numbers;
  }
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
      numbers.push_back(std::atoi(entry->d_name));
  }
  return numbers;
}

std::optional<ProcessInfo> Proc::examine(pid_t pid) const {
  if (listing_ == Listing::None) return {};
  return parse_stat(pid, text_of(std::to_string(pid) + "/stat"));
}

long Proc::user_of(pid_t pid) const {
  struct stat status {};
  if (listing_ == Listing::None) return -1;
  const bool there = ::fstatat(root_.number(), std::to_string(pid).c_str(), &status, 0) == 0;
  return there ? static_cast<long>(status.st_uid) : -1;
}

bool Proc::descends_from(pid_t pid, pid_t ancestor) const {
  constexpr int deepest = 10'000;
  for (int depth = 0; depth < deepest && pid > 1; ++depth) {
    const auto info = examine(pid);
    if (!info) return false;
    if (info->parent == ancestor) return true;
    pid = info->parent;
  }
  return false;
}

Children::Children(const Proc& proc) : proc_(proc) {
  if (proc.listing() != Listing::Scan) return;
  for (const pid_t pid : proc.numbers_in(".")) {
    if (const auto info = proc.examine(pid)) scanned_.emplace_back(info->parent, pid);
  }
  std::sort(scanned_.begin(), scanned_.end());
}

std::vector<pid_t> Children::of(pid_t parent) const {
  if (proc_.listing() == Listing::None) return {};
  if (proc_.listing() == Listing::ChildrenFiles) return listed(parent);
  std::vector<pid_t> children;
  auto at = std::lower_bound(scanned_.begin(), scanned_.end(), std::pair{parent, pid_t{0}});
  for (; at != scanned_.end() && at->first == parent; ++at) children.push_back(at->second);
  return children;
}

std::vector<pid_t> Children::listed(pid_t parent) const {
  std::vector<pid_t> children;
  const std::string tasks = std::to_string(parent) + "/task";
  for (const pid_t thread : proc_.numbers_in(tasks)) {
    const std::string text = proc_.text_of(tasks + "/" + std::to_string(thread) + "/children");
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

}  // namespace dlock
