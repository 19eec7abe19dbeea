#include "store/local/file_system.h"

#include "core/text.h"
#include "os/fd.h"
#include "os/mount.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

namespace dlock::local {
namespace {

struct Kind {
  unsigned long magic;
  const char* name;
  bool is_network;
};

constexpr unsigned long fuse = 0x65735546;

// The file systems that are not simply local to this machine. Not all have a name in
// <linux/magic.h>.
constexpr std::array<Kind, 12> kinds{{
    {NFS_SUPER_MAGIC, "NFS", true},
    {SMB_SUPER_MAGIC, "SMB", true},
    {0xFF534D42, "CIFS", true},
    {0xFE534D42, "SMB2", true},
    {AFS_SUPER_MAGIC, "AFS", true},
    {0x00C36400, "Ceph", true},
    {0x0BD00BD0, "Lustre", true},
    {OCFS2_SUPER_MAGIC, "OCFS2", true},
    {0x01161970, "GFS2", true},
    {V9FS_MAGIC, "9p", false},
    {fuse, "FUSE", false},
    {0x786F4256, "a directory shared by the host of this virtual machine", false},
}};

/// Those of FUSE that keep their files on this machine, so that the kernel's own locks count.
/// virtiofs is the root of containers in virtual machines.
constexpr std::array<std::string_view, 8> local_fuse{
    "fuseblk",    "fuse.fuse-overlayfs", "fuse.gocryptfs", "fuse.encfs",
    "fuse.cryfs", "fuse.securefs",       "fuse.ecryptfs",  "virtiofs"};

}  // namespace

std::optional<UnsureFileSystem> unsure_file_system(unsigned long magic, std::string_view type) {
  const auto* const found = std::find_if(kinds.begin(), kinds.end(),
                                         [&](const Kind& kind) { return kind.magic == magic; });
  if (found == kinds.end()) return {};
  if (std::find(local_fuse.begin(), local_fuse.end(), type) != local_fuse.end()) return {};
  const bool has_name = magic == fuse && type.starts_with("fuse.");
  return UnsureFileSystem{has_name ? printable(type.substr(5)) : found->name, found->is_network};
}

std::optional<UnsureFileSystem> unsure_file_system_of(const std::string& path) {
  struct statfs system {};
  if (::statfs(path.c_str(), &system) != 0) return {};
  const auto magic = static_cast<unsigned long>(system.f_type) & 0xFFFFFFFF;
  if (magic != fuse) return unsure_file_system(magic, "");
  const Fd directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  const auto mount = mount_of(directory.number());
  return unsure_file_system(magic, mount ? mount->type : "");
}

}  // namespace dlock::local
