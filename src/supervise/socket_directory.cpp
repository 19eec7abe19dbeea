#include "supervise/socket_directory.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace dlock::supervise {

Result<SocketDirectory, std::string> SocketDirectory::make() {
  std::vector<const char*> places{"/tmp", "/var/tmp", "/dev/shm"};
  if (::geteuid() == 0) places.insert(places.begin(), "/run");
  std::string why;
  for (const char* place : places) {
    std::string path = std::string{place} + "/dlock-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) {
      why += std::string{why.empty() ? "" : ", "} + place + ": " + ::strerror(errno);
      continue;
    }
    ::chmod(path.c_str(), 0700);  // whatever the umask is
    return SocketDirectory{path};
  }
  return "no directory can be made for its socket: " + why;
}

void SocketDirectory::remove() {
  if (path_.empty()) return;
  ::unlink(socket_path().c_str());
  ::rmdir(path_.c_str());
  path_.clear();
}

}  // namespace dlock::supervise
