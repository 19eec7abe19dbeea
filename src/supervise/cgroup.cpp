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

/// Where version 2 is mounted: not always /sys/fs/cgroup, a hybrid system has it below. The mount
/// may show a part of the hierarchy only, as in a container; `root` is that part.
struct Mount {
  std::string root;
  std::string point;
};
Mount find_mount() {
  std::istringstream lines{read_file("/proc/self/mountinfo")};
  for (std::string line; std::getline(lines, line);) {
    const auto dash = line.find(" - ");
    if (dash == line.npos || line.compare(dash + 3, 8, "cgroup2 ") != 0) continue;
    std::istringstream fields{line};
    std::string id, parent, device;
    Mount mount;
    fields >> id >> parent >> device >> mount.root >> mount.point;
    return {unescaped(mount.root), unescaped(mount.point)};
  }
  return {};
}

/// The path of our own cgroup: the `0::` line.
std::string own_path() {
  std::istringstream lines{read_file("/proc/self/cgroup")};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::/")) return line.substr(3);
  }
  return {};
}

}  // namespace

Result<Cgroup, std::string> Cgroup::make() {
  const Mount mount = find_mount();
  std::string own = own_path();
  if (mount.point.empty() || own.empty()) return std::string{"no cgroup v2 is mounted"};
  if (mount.root != "/" && own.starts_with(mount.root)) own.erase(0, mount.root.size());
  if (own == "/") own.clear();

  // A name of its own for each run, never used again: a cgroup that was once killed kills whatever
  // is started in it while the kill is under way, and another pid namespace has the same pids.
  std::uint32_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) {
    return std::string{"no random name could be made for it"};
  }
  const std::string path =
      mount.point + own + "/dlock-" + std::to_string(::getpid()) + "-" + std::to_string(number);
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
