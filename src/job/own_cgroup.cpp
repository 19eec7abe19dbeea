#include "job/own_cgroup.h"

#include "core/number.h"
#include "os/fd.h"
#include "os/file.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <sstream>
#include <sys/ioctl.h>
#include <sys/syscall.h>
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

/// The id of the cgroup of this process, from a pidfd; 0 if the kernel (before 6.13) does not tell.
std::uint64_t own_cgroup_id() {
  struct Info {  // the first version of struct pidfd_info in <linux/pidfd.h>
    std::uint64_t mask, cgroup_id;
    std::uint32_t others[12];
  };
  static_assert(sizeof(Info) == 64);
  constexpr std::uint64_t wants_cgroup_id = 4;
  const Fd self{static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0))};
  Info info{wants_cgroup_id, 0, {}};
  const bool told = self.open() && ::ioctl(self.number(), _IOWR(0xFF, 11, Info), &info) == 0 &&
                    (info.mask & wants_cgroup_id) != 0;
  return told ? info.cgroup_id : 0;
}

/// The id of the cgroup at that path; 0 if it is no cgroup, or if the id cannot be had.
std::uint64_t cgroup_id_of(const std::string& directory) {
  constexpr int kernfs = 0xfe;  // the type of the handles of cgroups (FILEID_KERNFS)
  std::uint64_t id = 0;
  alignas(file_handle) char buffer[sizeof(file_handle) + sizeof id]{};
  auto* const handle = reinterpret_cast<file_handle*>(buffer);
  handle->handle_bytes = sizeof id;
  int mount = 0;
  if (::name_to_handle_at(AT_FDCWD, directory.c_str(), handle, &mount, 0) != 0 ||
      handle->handle_bytes != sizeof id || handle->handle_type != kernfs)
    return 0;
  std::memcpy(&id, handle->f_handle, sizeof id);
  return id;
}

/// Whether the cgroup at that path has this process among its processes.
bool lists_us(const std::string& directory) {
  const std::string pids = read_file((directory + "/cgroup.procs").c_str());
  const pid_t own = ::getpid();
  for (std::string_view left = pids; !left.empty();) {
    const std::string_view line = left.substr(0, left.find('\n'));
    if (parse_number<pid_t>(line) == own) return true;
    left.remove_prefix(std::min(line.size() + 1, left.size()));
  }
  return false;
}

}  // namespace

/// A mount can show another part of the hierarchy, or be covered by a later one. So the directory
/// must be proved to be the right one: by its id, or by its list of processes. Where it almost
/// always is comes first: reading all mounts costs more than a lock.
std::string own_cgroup_directory() {
  const std::string path = cgroup_path(read_file("/proc/self/cgroup"));
  if (path.empty()) return {};
  const std::uint64_t id = own_cgroup_id();
  const auto is_ours = [id](const std::string& directory) {
    const std::uint64_t there = id != 0 ? cgroup_id_of(directory) : 0;
    return there != 0 ? there == id : lists_us(directory);
  };
  for (const char* usual : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    std::string directory = usual + (path == "/" ? std::string{} : path);
    if (is_ours(directory)) return directory;
  }
  for (std::string& directory : cgroup_directories(read_file("/proc/self/mountinfo"), path)) {
    if (is_ours(directory)) return std::move(directory);
  }
  return {};
}

std::string cgroup_path(std::string_view cgroups) {
  constexpr std::string_view start = "0::/";
  std::size_t line = 0;
  while (!cgroups.substr(line).starts_with(start)) {
    line = cgroups.find('\n', line);
    if (line == cgroups.npos) return {};
    ++line;
  }
  const std::string_view path = cgroups.substr(line + start.size() - 1);
  return std::string{path.substr(0, path.find('\n'))};
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

}  // namespace dlock
