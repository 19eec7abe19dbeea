#include "os/secret_file.h"

#include "os/clock.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/wait.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <memory>
#include <string_view>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

namespace dlock {
namespace {

constexpr std::size_t largest = 1 << 16;
constexpr Duration longest_pipe = std::chrono::seconds{30};

// --- who else can use it ---

bool is_group_of_ours(gid_t group) {
  if (group == ::getegid()) return true;
  const int count = ::getgroups(0, nullptr);
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(count, 0)));
  const int read = ::getgroups(count, groups.data());
  return read > 0 &&
         std::find(groups.begin(), groups.begin() + read, group) != groups.begin() + read;
}

/// What one entry of the mode or of the ACL allows.
struct Right {
  bool read;
  bool write;
};

/// The file's own group may read it if this user is a member, or if it is the group of root.
std::string why_not_group(gid_t group, Right right) {
  if (right.write) return "can be written by its group; chmod 600 it";
  if (!right.read || group == 0 || is_group_of_ours(group)) return {};
  return "can be read by group " + std::to_string(group) +
         ", which is none of this user's; chmod 600 it";
}

std::string why_not_named_user(uid_t user, Right right) {
  if ((!right.read && !right.write) || user == 0 || user == ::geteuid()) return {};
  const std::string number = std::to_string(user);
  return "can be used by user " + number + ", as its ACL says; setfacl -x u:" + number + " it";
}

std::string why_not_named_group(gid_t group, Right right) {
  const bool ours = group == 0 || is_group_of_ours(group);
  if ((!right.read || ours) && !right.write) return {};
  const std::string number = std::to_string(group);
  return "can be used by group " + number + ", as its ACL says; setfacl -x g:" + number + " it";
}

/// The ACL in the form of the kernel: a header, then entries. Empty if the file has none.
std::vector<posix_acl_xattr_entry> acl_of(int fd) {
  constexpr const char* name = "system.posix_acl_access";
  std::vector<char> bytes(
      static_cast<std::size_t>(std::max<ssize_t>(::fgetxattr(fd, name, nullptr, 0), 0)));
  const ssize_t size = ::fgetxattr(fd, name, bytes.data(), bytes.size());
  constexpr std::size_t header = sizeof(posix_acl_xattr_header);
  if (size < static_cast<ssize_t>(header)) return {};
  std::vector<posix_acl_xattr_entry> entries((static_cast<std::size_t>(size) - header) /
                                             sizeof(posix_acl_xattr_entry));
  std::memcpy(entries.data(), bytes.data() + header,
              entries.size() * sizeof(posix_acl_xattr_entry));
  return entries;
}

/// Who has rights as user or group. With an ACL the group bits of the mode are only its mask.
std::string why_not_users_and_groups(int fd, const struct stat& facts) {
  const std::vector<posix_acl_xattr_entry> acl = acl_of(fd);
  const auto group_mode = facts.st_mode >> 3;
  const Right most{(group_mode & ACL_READ) != 0, (group_mode & ACL_WRITE) != 0};
  if (acl.empty()) return why_not_group(facts.st_gid, most);
  for (const posix_acl_xattr_entry& entry : acl) {
    const Right right{most.read && (entry.e_perm & ACL_READ) != 0,
                      most.write && (entry.e_perm & ACL_WRITE) != 0};
    std::string why;
    if (entry.e_tag == ACL_USER) why = why_not_named_user(entry.e_id, right);
    if (entry.e_tag == ACL_GROUP) why = why_not_named_group(entry.e_id, right);
    if (entry.e_tag == ACL_GROUP_OBJ) why = why_not_group(facts.st_gid, right);
    if (!why.empty()) return why;
  }
  return {};
}

// --- where all users can read it, but there are no others ---

/// The inode of a namespace of this process; 0 if that is unknown.
std::uint64_t namespace_of_this_process(const char* path) {
  struct stat facts {};
  return ::stat(path, &facts) == 0 ? facts.st_ino : 0;
}

/// The kernel gives the first pid namespace this number (include/uapi/linux/nsfs.h).
bool has_pids_of_its_own() {
  constexpr std::uint64_t first = 0xEFFFFFFC;
  const std::uint64_t ours = namespace_of_this_process("/proc/self/ns/pid");
  return ours != 0 && ours != first;
}

/// The number of the first mount namespace is fixed since Linux 6.18; before, it was one of the
/// first two that were given away.
bool has_mounts_of_its_own() {
  constexpr std::array<std::uint64_t, 3> first{0xEFFFFFF8, 0xF0000000, 0xF0000001};
  const std::uint64_t ours = namespace_of_this_process("/proc/self/ns/mnt");
  return ours != 0 && std::find(first.begin(), first.end(), ours) == first.end();
}

/// A new mount namespace begins with copies of the mounts of the machine. Where they do not follow
/// the original any more, only their place shows what they are.
bool is_usual_place(const struct stat& facts) {
  constexpr std::array places{"/", "/run", "/run/lock", "/tmp", "/var/tmp", "/dev", "/dev/shm"};
  return std::any_of(places.begin(), places.end(), [&facts](const char* place) {
    struct stat mount {};
    return ::stat(place, &mount) == 0 && mount.st_dev == facts.st_dev;
  });
}

bool is_credential_of_unit(const std::string& path) {
  const char* const directory = std::getenv("CREDENTIALS_DIRECTORY");
  if (directory == nullptr || *directory != '/') return false;
  using Freed = std::unique_ptr<char, decltype(&std::free)>;
  const Freed file{::realpath(path.c_str(), nullptr), &std::free};
  const Freed place{::realpath(directory, nullptr), &std::free};
  return file && place && std::string_view{place.get()} != "/" &&
         std::string_view{file.get()}.starts_with(std::string{place.get()} + "/");
}

/// In a container or unit: a file system in memory that the machine does not have, as Kubernetes
/// and Docker mount secrets. In a container also a mount that cannot be written.
bool is_private(const std::string& path, int fd, const struct stat& facts) {
  if (is_credential_of_unit(path)) return true;
  struct statfs system {};
  const auto mount = mount_of(fd);
  if (!has_mounts_of_its_own() || !mount || mount->follows_another || ::fstatfs(fd, &system) != 0)
    return false;
  const bool in_memory = system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC;
  const bool read_only = (system.f_flags & ST_RDONLY) != 0;
  return (in_memory && !is_usual_place(facts)) || (read_only && has_pids_of_its_own());
}

std::string why_not_ours(const std::string& path, int fd, const struct stat& facts) {
  const uid_t user = ::geteuid();
  if (facts.st_uid != 0 && facts.st_uid != user && user != 0) {
    return "belongs to user " + std::to_string(facts.st_uid) +
           ", who can change it; chown it to root or to the user that runs dlock";
  }
  if ((facts.st_mode & S_IWOTH) != 0) return "can be written by all users; chmod 600 it";
  if (std::string why = why_not_users_and_groups(fd, facts); !why.empty()) return why;
  if ((facts.st_mode & S_IROTH) != 0 && !is_private(path, fd, facts))
    return "can be read by all users; chmod 600 it";
  return {};
}

// --- its text ---

int read_pipe(int fd, std::string& text) {
  const Instant until = BootClock::now() + longest_pipe;
  std::array<char, 4096> buffer;
  while (text.size() <= largest) {
    if (wait(fd, POLLIN, {until, nullptr}) != Wait::Ready) return ETIMEDOUT;
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count == 0) return 0;
    if (count < 0 && errno != EINTR && errno != EAGAIN) return errno;
    if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return EFBIG;
}

int read_regular(int fd, std::string& text) {
  if (!read_whole(fd, text, largest)) return errno;
  return text.size() > largest ? EFBIG : 0;
}

}  // namespace

SecretFile SecretFile::read(const std::string& path) {
  SecretFile file;
  const auto failed = [&file](int error) {
    file.why_not = std::string{"cannot be read: "} + ::strerror(error);
    return file;
  };
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat facts {};
  if (!fd.open() || ::fstat(fd.number(), &facts) != 0) return failed(errno);
  if (S_ISDIR(facts.st_mode)) return failed(EISDIR);
  if (!S_ISREG(facts.st_mode) && !S_ISFIFO(facts.st_mode)) {
    file.why_not = "is neither a file nor a pipe";
    return file;
  }
  file.why_not = why_not_ours(path, fd.number(), facts);
  if (!file.why_not.empty()) return file;
  file.only_once = S_ISFIFO(facts.st_mode);
  const int error =
      file.only_once ? read_pipe(fd.number(), file.text) : read_regular(fd.number(), file.text);
  return error != 0 ? failed(error) : file;
}

}  // namespace dlock
