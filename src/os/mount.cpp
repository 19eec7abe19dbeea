#include "os/mount.h"

#include "os/file.h"

#include <sstream>

namespace dlock {
namespace {

/// The number of the mount, as in `mnt_id: 42`. Empty if unknown.
std::string mount_id_of(int fd) {
  std::istringstream lines{read_file(("/proc/self/fdinfo/" + std::to_string(fd)).c_str())};
  for (std::string name, value; lines >> name >> value;) {
    if (name == "mnt_id:") return value;
  }
  return {};
}

/// Parses `42 27 0:39 / /mnt rw,relatime shared:7 master:1 - ext4 /dev/sda rw` behind the number.
Mount parse_mount(std::istream& words) {
  Mount mount;
  for (std::string word; words >> word && word != "-";)
    mount.follows_another = mount.follows_another || word.starts_with("master:");
  words >> mount.type;
  return mount;
}

}  // namespace

std::optional<Mount> mount_of(int fd) {
  const std::string wanted = mount_id_of(fd);
  std::istringstream mounts{read_file("/proc/self/mountinfo")};
  for (std::string line; !wanted.empty() && std::getline(mounts, line);) {
    std::istringstream words{line};
    std::string id;
    words >> id;
    if (id == wanted) return parse_mount(words);
  }
  return {};
}

}  // namespace dlock
