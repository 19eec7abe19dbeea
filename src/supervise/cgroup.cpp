#include "supervise/cgroup.h"

#include "supervise/proc.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <sstream>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace dlock::supervise {
namespace {

/// Mount points in mountinfo have blanks and the like as \040.
std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                               (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// Where a part of the hierarchy is mounted: not always at /sys/fs/cgroup, and in a container not
/// always from its root on.
struct Mount {
  std::string root;
  std::string point;
};

/// All mounts of version 2, in the order in which they were made.
std::vector<Mount> find_mounts() {
  std::vector<Mount> mounts;
  std::istringstream lines{read_file("/proc/self/mountinfo")};
  for (std::string line; std::getline(lines, line);) {
    const auto dash = line.find(" - ");
    if (dash == line.npos || line.compare(dash + 3, 8, "cgroup2 ") != 0) continue;
    std::istringstream fields{line};
    std::string id, parent, device, root, point;
    fields >> id >> parent >> device >> root >> point;
    mounts.push_back({unescaped(root), unescaped(point)});
  }
  return mounts;
}

/// The path of our own cgroup: the `0::` line.
std::string own_path() {
  std::istringstream lines{read_file("/proc/self/cgroup")};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::/")) return line.substr(3);
  }
  return {};
}

bool lists_us(const std::string& directory) {
  std::istringstream pids{read_file((directory + "/cgroup.procs").c_str())};
  const pid_t own = ::getpid();
  for (pid_t pid = 0; pids >> pid;) {
    if (pid == own) return true;
  }
  return false;
}

/// The directory of the cgroup that we are in; empty if it cannot be seen. A mount may show another
/// part of the hierarchy, or be covered by a later one: so the directory has to list us.
std::string own_directory() {
  const std::string own = own_path();
  if (own.empty()) return {};
  const std::vector<Mount> mounts = find_mounts();
  for (auto mount = mounts.rbegin(); mount != mounts.rend();
       ++mount) {  // a new one may cover an old
    std::string below = own;
    if (mount->root != "/") {
      if (!own.starts_with(mount->root)) continue;
      below.erase(0, mount->root.size());
    }
    std::string directory = mount->point + (below == "/" ? "" : below);
    if (lists_us(directory)) return directory;
  }
  return {};
}

}  // namespace

Result<Cgroup, std::string> Cgroup::make() {
  const std::string own = own_directory();
  if (own.empty()) return std::string{"our own cgroup v2 is not mounted here"};

  // A name of its own for each run, never used again: a cgroup that was once killed kills whatever
  // is started in it while the kill is under way, and another pid namespace has the same pids.
  std::uint32_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) {
    return std::string{"no random name could be made for it"};
  }
  const std::string path =
      own + "/dlock-" + std::to_string(::getpid()) + "-" + std::to_string(number);
  if (::mkdir(path.c_str(), 0755) != 0) return "cannot make '" + path + "': " + ::strerror(errno);
  Cgroup cgroup{path};
  cgroup.directory_ = Fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!cgroup.directory_.open() ||
      ::faccessat(cgroup.directory_.number(), "cgroup.kill", W_OK, AT_EACCESS) != 0) {
    const int error = errno;
    cgroup.remove();
    return "cannot use '" + path + "/cgroup.kill': " + ::strerror(error);
  }
  return cgroup;
}

void Cgroup::kill() const {
  if (!exists()) return;
  const Fd file{::open((path_ + "/cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC)};
  if (file.open()) [[maybe_unused]]
    const auto written = ::write(file.number(), "1", 1);
}

void Cgroup::remove() {
  if (!exists()) return;
  directory_.close();
  ::rmdir(path_.c_str());
  path_.clear();
}

}  // namespace dlock::supervise
