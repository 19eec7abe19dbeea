#include "heartbeat/socket_directory.h"

#include "os/claimed_directory.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace dlock {
namespace {

constexpr std::string_view name_prefix = "dlock-";
constexpr std::string_view random_part = "XXXXXX";

bool is_name_of_a_run(std::string_view name) {
  return name.starts_with(name_prefix) && name.size() == name_prefix.size() + random_part.size();
}

/// Other users can make directories with such a name. A directory that contains anything but a
/// socket of dlock is kept.
void remove_if_ours(const std::string& path) {
  const std::string socket = SocketDirectory{path}.socket_path();
  struct stat status {};
  if (::lstat(socket.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return;
  if (::unlink(socket.c_str()) == 0) ::rmdir(path.c_str());
}

}  // namespace

Result<SocketDirectory, std::string> SocketDirectory::make() {
  std::vector<const char*> places{"/tmp", "/var/tmp", "/dev/shm"};
  if (::geteuid() == 0) places.insert(places.begin(), "/run");
  std::string why;
  for (const char* place : places) {
    std::string path =
        std::string{place} + "/" + std::string{name_prefix} + std::string{random_part};
    if (::mkdtemp(path.data()) == nullptr) {
      why += std::string{why.empty() ? "" : ", "} + place + ": " + ::strerror(errno);
      continue;
    }
    ::chmod(path.c_str(), 0700);  // independent of the umask
    SocketDirectory directory{path};
    directory.claim_ = claim_directory(path);
    if (!directory.claim_.open()) {
      why += std::string{why.empty() ? "" : ", "} + path + ": " + ::strerror(errno);
      directory.remove();
      continue;
    }
    sweep_abandoned(place, {is_name_of_a_run, remove_if_ours});
    return directory;
  }
  return "cannot create a directory for its socket: " + why;
}

void SocketDirectory::remove() {
  if (path_.empty()) return;
  ::unlink(socket_path().c_str());
  ::rmdir(path_.c_str());
  path_.clear();
}

}  // namespace dlock
