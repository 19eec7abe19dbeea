#include "doctor/local_checks.h"

#include "doctor/probe_lock.h"
#include "store/local/lock_directory.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace dlock::doctor {
namespace {

enum class Reach { Network, Unknown };
struct FileSystem {
  unsigned long magic;
  const char* name;
  Reach reach;
};

// The file systems that are not simply local to this machine. Not all have a name in
// <linux/magic.h>.
constexpr std::array<FileSystem, 12> special{{
    {NFS_SUPER_MAGIC, "NFS", Reach::Network},
    {SMB_SUPER_MAGIC, "SMB", Reach::Network},
    {0xFF534D42, "CIFS", Reach::Network},
    {0xFE534D42, "SMB2", Reach::Network},
    {AFS_SUPER_MAGIC, "AFS", Reach::Network},
    {0x00C36400, "Ceph", Reach::Network},
    {0x0BD00BD0, "Lustre", Reach::Network},
    {OCFS2_SUPER_MAGIC, "OCFS2", Reach::Network},
    {0x01161970, "GFS2", Reach::Network},
    {V9FS_MAGIC, "9p", Reach::Unknown},
    {0x65735546, "FUSE", Reach::Unknown},
    {0x786F4256, "a directory shared by the host of this virtual machine", Reach::Unknown},
}};

Finding check_file_system(const std::string& directory) {
  struct statfs status {};
  if (::statfs(directory.c_str(), &status) != 0) {
    return {.check = "file system",
            .verdict = Verdict::Note,
            .fact = std::string{"unknown: "} + ::strerror(errno),
            .meaning = "dlock does not notice the loss of a lock on a network file system",
            .remedy = "keep the locks on a disk of this machine"};
  }
  return judge_file_system(directory, static_cast<unsigned long>(status.f_type) & 0xFFFFFFFF);
}

}  // namespace

Finding judge_file_system(const std::string& directory, unsigned long magic) {
  const auto found = std::find_if(special.begin(), special.end(),
                                  [&](const FileSystem& known) { return known.magic == magic; });
  Finding finding{.check = "file system", .fact = directory + " is on this machine"};
  if (found == special.end()) return finding;
  finding.fact = directory + " is on " + found->name;
  finding.remedy =
      "keep the locks on a disk of this machine (--store local:/directory), or in a "
      "Redis (--store redis://host)";
  if (found->reach == Reach::Network) {
    finding.verdict = Verdict::Broken;
    finding.meaning =
        "if the file server restarts or is unreachable, a lock can be lost while its job runs, and "
        "dlock does not notice; whether other machines see the lock depends on the mount options";
  } else {
    finding.verdict = Verdict::Weak;
    finding.meaning =
        "dlock cannot check whether flock(2) works there, and whether other machines see the locks";
  }
  return finding;
}

Findings check_local(const Examination& examination) {
  Findings findings;
  findings.push_back(
      {.check = "reach",
       .verdict = Verdict::Note,
       .fact = "the locks of this store are local to this machine and this user",
       .meaning = "the same key is another lock on another machine, for another user, or in a "
                  "container that does not share the directory",
       .remedy = "use --store redis://host, if the lock must exclude those runs, too"});
  const std::string wanted = std::get<LocalAddress>(examination.store.address).directory;
  const auto directory = local::ready_directory(wanted);
  if (!directory) {
    findings.push_back(broken_by(directory.error(), "directory"));
    return findings;
  }
  findings.push_back(
      {.check = "directory",
       .fact = *directory + " belongs to this user, and no other user can write to it"});
  findings.push_back(check_file_system(*directory));
  const LockKey probe = make_probe_key();
  findings.push_back(
      try_lock(examination.store, examination.terms, probe, Budget{examination.terms}));
  // A run keeps the file because it contains the token, which the probe does not need.
  if (const auto file = local::lock_file_path(*directory, probe)) ::unlink(file->c_str());
  return findings;
}

}  // namespace dlock::doctor
