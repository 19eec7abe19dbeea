#include "job/cgroup_place.h"

#include <algorithm>
#include <sstream>

namespace dlock {
namespace {

/// Blanks and the like are written as \040.
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

}  // namespace dlock
