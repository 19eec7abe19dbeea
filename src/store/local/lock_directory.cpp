#include "store/local/lock_directory.h"

#include "core/text.h"
#include "os/fd.h"
#include "store/local/file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <pwd.h>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace dlock::local {
namespace {

StoreFault unfit(const std::string& directory, const std::string& why) {
  return {.exit_code = ExitCode::Configuration,
          .sentence = "the lock directory '" + printable(directory) + "' " + why,
          .not_applied = true};
}

const char* const elsewhere = "; name another one with --store local:/directory";

/// The umask can only remove bits from the mode that the check below requires.
bool make_directory(const std::string& path) {
  return ::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST;
}

/// In a container the machine's root appears as "nobody", like every user that is not mapped.
bool stands_for_others(uid_t user) {
  constexpr uid_t overflow = 65534;
  if (user != overflow) return false;
  std::uint64_t inside = 0, outside = 0, count = 0;
  std::ifstream{"/proc/self/uid_map"} >> inside >> outside >> count;
  return count < UINT32_MAX;
}

/// A user who can rename entries of a parent can move the lock directory away from the holders of
/// its locks, and the next run creates a new one. A group with write permission is trusted: with a
/// umask of 002 it is the user's own.
Result<Done, StoreFault> check_above(const std::string& path) {
  for (auto slash = path.rfind('/'); slash != path.npos;
       slash = slash == 0 ? path.npos : path.rfind('/', slash - 1)) {
    const std::string above = slash == 0 ? "/" : path.substr(0, slash);
    struct stat status {};
    if (::stat(above.c_str(), &status) != 0) continue;
    const bool everybodys = (status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0;
    const bool ours = status.st_uid == 0 || status.st_uid == ::geteuid();
    if (!everybodys && (ours || stands_for_others(status.st_uid))) continue;
    return unfit(path, "can be renamed by other users, because '" + printable(above) + "' " +
                           (everybodys ? "is writable by all users"
                                       : "belongs to user id " + std::to_string(status.st_uid)) +
                           elsewhere);
  }
  return Done{};
}

/// Checks the path as given, and the path that its links lead to.
Result<Done, StoreFault> check_all_above(const std::string& path) {
  if (auto checked = check_above(path); !checked) return checked;
  const std::unique_ptr<char, decltype(&std::free)> real{::realpath(path.c_str(), nullptr),
                                                         std::free};
  return real == nullptr || path == real.get() ? Result<Done, StoreFault>{Done{}}
                                               : check_above(real.get());
}

Result<Done, StoreFault> check(const std::string& path) {
  const Fd directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!directory.open()) {
    // With O_DIRECTORY a symbolic link gives ENOTDIR or ELOOP, depending on the kernel; lstat tells
    // them apart.
    const int error = errno;
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode)) {
      return unfit(
          path, std::string{"is a symbolic link, which another user could redirect"} + elsewhere);
    }
    return unfit(path, "cannot be opened: " + std::string{::strerror(error)} + elsewhere);
  }
  struct stat status {};
  if (::fstat(directory.number(), &status) != 0)
    return unfit(path, "cannot be examined: " + std::string{::strerror(errno)});
  if (status.st_uid != ::geteuid()) {
    return unfit(path, "belongs to user id " + std::to_string(status.st_uid) + ", not to user id " +
                           std::to_string(::geteuid()) + elsewhere);
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return unfit(path,
                 "is writable by other users, who could remove locks; chmod go-w it, or name "
                 "another one with --store local:/directory");
  }
  return check_all_above(path);
}

/// The user's own directory, below a root that is sure to exist: each part is created if missing.
struct OwnDirectory {
  std::string root;
  std::vector<std::string> parts;
};

/// Empty if the password database has none. A static program does not ask the modules of
/// nsswitch.conf, which need the C library of this system: it knows the users of /etc/passwd.
std::string home_of(uid_t user) {
#ifdef DLOCK_STATIC
  const std::unique_ptr<FILE, int (*)(FILE*)> file{std::fopen("/etc/passwd", "re"), std::fclose};
  const passwd* entry = nullptr;
  while (file != nullptr && (entry = ::fgetpwent(file.get())) != nullptr && entry->pw_uid != user) {
  }
#else
  const passwd* entry = ::getpwuid(user);
#endif
  return entry == nullptr || entry->pw_dir == nullptr ? "" : entry->pw_dir;
}

Result<OwnDirectory, StoreFault> own_directory() {
  if (::geteuid() == 0) return OwnDirectory{"/run", {"/dlock"}};
  std::string home = home_of(::geteuid());
  if (!home.starts_with('/')) {
    return StoreFault{.exit_code = ExitCode::Configuration,
                      .sentence = "user id " + std::to_string(::geteuid()) +
                                  " has no home directory in the password database for its locks" +
                                  elsewhere,
                      .not_applied = true};
  }
  return OwnDirectory{std::move(home), {"/.local", "/state", "/dlock"}};
}

/// "/dir/" would follow a link that "/dir" does not.
std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

/// The path of the directory, whether it exists or not.
Result<std::string, StoreFault> path_of(const std::string& wanted) {
  if (!wanted.empty()) return without_slashes(wanted);
  auto own = own_directory();
  if (!own) return own.error();
  std::string path = own->root;
  for (const std::string& part : own->parts) path += part;
  return path;
}

StoreFault cannot_be_made(const std::string& path) {
  return unfit(path, "cannot be created: " + std::string{::strerror(errno)} + elsewhere);
}

/// Names a directory in memory that a user with a session has.
StoreFault on_unsure(const std::string& path, const UnsureFileSystem& system) {
  const std::string runtime = "/run/user/" + std::to_string(::geteuid());
  const bool exists = ::access(runtime.c_str(), W_OK) == 0;
  return unfit(path,
               "is on " + system.name +
                   (system.is_network
                        ? ", where a lock may exclude nobody, and can be lost while its job runs"
                        : ", where dlock cannot tell whether a lock excludes anybody") +
                   "; keep the locks on a file system of this machine (--store local:" +
                   (exists ? runtime + "/dlock" : "/directory") +
                   ") or in a Redis, or give --trust-file-system");
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

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// Empty if the text is not an encoded key.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      bytes += text[i];
      continue;
    }
    if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) return {};
    bytes += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
    i += 2;
  }
  return bytes;
}

constexpr std::size_t longest_part = 200;  // of the 255 bytes of a file name
constexpr std::string_view lock_ending = ".lock";

void find_keys(const std::filesystem::path& directory, const std::string& before,
               std::vector<std::string>& keys) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator{directory, ignored}) {
    std::string name = entry.path().filename();
    if (name.ends_with('+') &&
        entry.symlink_status(ignored).type() == std::filesystem::file_type::directory) {
      name.pop_back();
      find_keys(entry.path(), before + name, keys);
    } else if (name.ends_with(lock_ending)) {
      name.resize(name.size() - lock_ending.size());
      auto key = percent_decoded(before + name);
      if (key && LockKey::parse(*key)) keys.push_back(std::move(*key));
    }
  }
}

}  // namespace

Result<std::string, StoreFault> ready_directory(const std::string& wanted, Unsure unsure) {
  std::string path = without_slashes(wanted);
  if (path.empty()) {
    auto own = own_directory();
    if (!own) return own.error();
    path = own->root;
    for (const std::string& part : own->parts) {
      path += part;
      if (!make_directory(path)) return cannot_be_made(path);
    }
  }
  if (!make_directory(path)) return cannot_be_made(path);
  if (auto checked = check(path); !checked) return checked.error();
  if (unsure == Unsure::IsRefused) {
    if (const auto system = unsure_file_system_of(path)) return on_unsure(path, *system);
  }
  return path;
}

Result<std::optional<std::string>, StoreFault> directory_if_there(const std::string& wanted) {
  const auto path = path_of(wanted);
  if (!path) return path.error();
  struct stat status {};
  if (::lstat(path->c_str(), &status) != 0 && errno == ENOENT) return std::optional<std::string>{};
  if (auto checked = check(*path); !checked) return checked.error();
  return std::optional{*path};
}

std::string store_name(const std::string& wanted) {
  const auto path = path_of(wanted);
  return path ? "local:" + printable(*path) : "local";
}

std::string lock_file_name(const std::string& directory, const LockKey& key) {
  std::string rest = percent_encoded(key.bytes());
  std::string path = directory;
  // No encoded key contains "+", so a directory never collides with a lock file.
  for (; rest.size() > longest_part; rest.erase(0, longest_part))
    path += "/" + rest.substr(0, longest_part) + "+";
  return path + "/" + rest + std::string{lock_ending};
}

Result<std::string, StoreFault> lock_file_path(const std::string& directory, const LockKey& key) {
  const std::string path = lock_file_name(directory, key);
  for (auto slash = path.find('/', directory.size() + 1); slash != path.npos;
       slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (!make_directory(part))
      return unfit(part, "cannot be created: " + std::string{::strerror(errno)});
  }
  return path;
}

std::vector<std::string> keys_in(const std::string& directory) {
  std::vector<std::string> keys;
  find_keys(directory, "", keys);
  std::sort(keys.begin(), keys.end());
  return keys;
}

}  // namespace dlock::local
