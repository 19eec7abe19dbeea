#include "store/local/lock_directory.h"

#include "core/fd.h"
#include "core/text.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace dlock::local {
namespace {

StoreFault unfit(const std::string& directory, const std::string& why) {
  return {.exit_code = ExitCode::Configuration,
          .sentence = "the lock directory '" + printable(directory) + "' " + why,
          .not_applied = true};
}

const char* const elsewhere = ": name another one with --store local:/directory";

/// Made with the mode that the check below wants, whatever the umask takes away.
bool make_directory(const std::string& path) {
  return ::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST;
}

Result<Done, StoreFault> check(const std::string& path) {
  const Fd directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!directory.open()) {
    // With O_DIRECTORY a link is ENOTDIR or ELOOP, by kernel; lstat tells which it is.
    const int error = errno;
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode)) {
      return unfit(path, std::string{"is a symbolic link, which somebody could point elsewhere"} +
                             elsewhere);
    }
    return unfit(path, "cannot be opened: " + std::string{::strerror(error)} + elsewhere);
  }
  struct stat status {};
  if (::fstat(directory.number(), &status) != 0)
    return unfit(path, "cannot be examined: " + std::string{::strerror(errno)});
  if (status.st_uid != ::geteuid()) {
    return unfit(path, "belongs to user id " + std::to_string(status.st_uid) + ", not to " +
                           std::to_string(::geteuid()) + " who asks" + elsewhere);
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return unfit(path,
                 "can be written by others, who could take locks away: chmod go-w it, or name "
                 "another one with --store local:/directory");
  }
  return Done{};
}

Result<std::string, StoreFault> default_directory() {
  if (::geteuid() == 0) return std::string{"/run/dlock"};
  const passwd* user = ::getpwuid(::geteuid());
  if (user == nullptr || user->pw_dir == nullptr || user->pw_dir[0] != '/') {
    return StoreFault{.exit_code = ExitCode::Configuration,
                      .sentence = "user id " + std::to_string(::geteuid()) +
                                  " has no home directory in the password database for its locks" +
                                  elsewhere,
                      .not_applied = true};
  }
  std::string path = user->pw_dir;
  for (const char* part : {"/.local", "/state", "/dlock"}) {
    path += part;
    if (!make_directory(path))
      return unfit(path, "cannot be made: " + std::string{::strerror(errno)} + elsewhere);
  }
  return path;
}

std::string percent_encoded(const std::string& bytes) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-' || (c == '.' && !out.empty());
    if (plain) {
      out += c;
    } else {
      out += {'%', hex[byte >> 4], hex[byte & 15]};
    }
  }
  return out;
}

}  // namespace

Result<std::string, StoreFault> ready_directory(const std::string& wanted) {
  std::string path = wanted;
  if (path.empty()) {
    auto own = default_directory();
    if (!own) return own.error();
    path = *own;
  }
  // "/dir/" would follow a link that "/dir" does not.
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (!make_directory(path))
    return unfit(path, "cannot be made: " + std::string{::strerror(errno)} + elsewhere);
  if (auto checked = check(path); !checked) return checked.error();
  return path;
}

Result<std::string, StoreFault> lock_file_path(const std::string& directory, const LockKey& key) {
  constexpr std::size_t part = 200;  // of the 255 bytes of a file name
  std::string rest = percent_encoded(key.bytes());
  std::string path = directory;
  // "+" is in no encoded key, so a directory never meets a lock file of that name.
  for (; rest.size() > part; rest.erase(0, part)) {
    path += "/" + rest.substr(0, part) + "+";
    if (!make_directory(path))
      return unfit(path, "cannot be made: " + std::string{::strerror(errno)});
  }
  return path + "/" + rest + ".lock";
}

}  // namespace dlock::local
