#include "job/cgroup.h"

#include "core/number.h"
#include "os/claimed_directory.h"
#include "os/file.h"
#include "os/proc.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <sstream>
#include <string_view>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace dlock {

namespace {

/// Decodes octal escapes: a blank, for example, is written as \040.
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

/// Whether `path` is `root` or below it.
bool is_within(std::string_view path, std::string_view root) {
  return path.starts_with(root) &&
         (root.empty() || path.size() == root.size() || path[root.size()] == '/');
}

constexpr std::string_view name_prefix = "dlock-";

/// Whether the name has the form `dlock-PID-NUMBER` of a run. Names such as `dlock-jobs` or
/// `dlock-2` do not belong to dlock.
bool is_name_of_a_run(std::string_view name) {
  if (!name.starts_with(name_prefix)) return false;
  name.remove_prefix(name_prefix.size());
  const auto dash = name.find('-');
  return dash != name.npos && parse_number<std::uint32_t>(name.substr(0, dash)) &&
         parse_number<std::uint32_t>(name.substr(dash + 1));
}

bool lists_us(const std::string& directory) {
  std::istringstream pids{read_file((directory + "/cgroup.procs").c_str())};
  const pid_t own = ::getpid();
  for (pid_t pid = 0; pids >> pid;) {
    if (pid == own) return true;
  }
  return false;
}

/// Returns the directory of this process's cgroup; empty if it cannot be seen. A mount can show
/// another part of the hierarchy, or be covered by a later one, so the directory must list this
/// process.
std::string own_directory() {
  const std::string path = cgroup_path(read_file("/proc/self/cgroup"));
  if (path.empty()) return {};
  for (std::string& directory : cgroup_directories(read_file("/proc/self/mountinfo"), path)) {
    if (lists_us(directory)) return std::move(directory);
  }
  return {};
}

}  // namespace

std::string cgroup_path(const std::string& cgroups) {
  std::istringstream lines{cgroups};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::/")) return line.substr(3);
  }
  return {};
}

std::vector<std::string> cgroup_directories(const std::string& mountinfo, std::string_view path) {
  std::vector<std::string> directories;
  std::istringstream lines{mountinfo};
  for (std::string line; std::getline(lines, line);) {
    const auto dash = line.find(" - ");
    if (dash == line.npos || line.compare(dash + 3, 8, "cgroup2 ") != 0) continue;
    std::istringstream fields{line};
    std::string id, parent, device, root, point;
    fields >> id >> parent >> device >> root >> point;
    root = unescaped(root);
    if (root == "/") root.clear();
    if (!is_within(path, root)) continue;
    const std::string_view below = path.substr(root.size());
    directories.push_back(unescaped(point) + std::string{below == "/" ? "" : below});
  }
  std::reverse(directories.begin(), directories.end());
  return directories;
}

Result<Cgroup, std::string> Cgroup::make() {
  const std::string own = own_directory();
  if (own.empty()) return std::string{"our own cgroup v2 is not mounted here"};

  for (int attempt = 0; attempt < 10; ++attempt) {
    // Each run uses a new name that is never used again. A cgroup that is being killed also kills
    // what is started in it meanwhile, and the pid alone is not unique: another pid namespace has
    // the same pids.
    std::uint32_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) {
      return std::string{"no random name could be made for it"};
    }
    const std::string path = own + "/" + std::string{name_prefix} + std::to_string(::getpid()) +
                             "-" + std::to_string(number);
    if (::mkdir(path.c_str(), 0755) != 0) return "cannot make '" + path + "': " + ::strerror(errno);
    Cgroup cgroup{path};
    cgroup.directory_ = claim_directory(path);
    if (!cgroup.directory_.open() && errno == ESTALE) continue;  // another run removed it
    if (cgroup.directory_.open() &&
        ::faccessat(cgroup.directory_.number(), "cgroup.kill", W_OK, AT_EACCESS) == 0) {
      return cgroup;
    }
    const int error = errno;
    cgroup.remove();
    return "cannot use '" + path + "/cgroup.kill': " + ::strerror(error);
  }
  return "each that was made in '" + own + "' was removed at once";
}

void Cgroup::remove_abandoned_neighbours() const {
  if (!exists()) return;
  // A cgroup that still has processes cannot be removed. A job inside that uses --contain=walk can
  // leave some.
  const std::string own = path_.substr(path_.rfind('/') + 1);
  const auto may_be_ours = [&own](std::string_view name) {
    return name != own && is_name_of_a_run(name);
  };
  sweep_abandoned(path_.substr(0, path_.rfind('/')),
                  {may_be_ours, [](const std::string& path) { ::rmdir(path.c_str()); }});
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

}  // namespace dlock
