#pragma once

#include "os/fd.h"

#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace dlock {

/// The contents of /proc/<pid>/stat.
struct ProcessInfo {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  char state = '?';
  std::string name;  // chosen by the process itself: any bytes, up to 15
};

/// Parses that file. Empty if the text is not valid.
std::optional<ProcessInfo> parse_stat(pid_t pid, const std::string& text);

/// Whether a /proc belongs to the pid namespace of this process, whose getpid(2) is `pid`,
/// according to the text of its self/status. NSpid lists the number in each pid namespace from that
/// of the mount down to that of this process (proc(5)), so a single number proves that the two are
/// the same.
bool is_proc_of_our_namespace(pid_t pid, const std::string& self_status);

/// The ways to find the children of a process.
enum class Listing {
  ChildrenFiles,  // /proc/<pid>/task/<tid>/children
  Scan,           // all of /proc, for kernels without CONFIG_PROC_CHILDREN
  None,           // impossible: there is no /proc, or it belongs to another pid namespace
};

/// The processes in the mounted /proc, if it belongs to the pid namespace of this process.
///
/// In a new pid namespace the /proc of the outer one often stays mounted (`unshare --pid --fork`,
/// `bwrap --unshare-pid`). Its numbers name other processes than those of kill(2): the children
/// that it lists could not be killed, and unrelated processes would be. So its numbers are not
/// used.
///
/// The directory stays open: a later mount over /proc changes nothing.
class Proc {
 public:
  /// Opens /proc and examines it.
  Proc();
  /// To test another way of listing than the best one.
  explicit Proc(Listing listing) : Proc() { listing_ = listing; }

  Listing listing() const { return listing_; }

  /// Empty if processes can be listed; else the reason why not.
  const std::string& why_unusable() const { return why_unusable_; }
  static constexpr const char* remedy =
      "mount the one of this namespace (unshare --mount-proc, bwrap --proc /proc, mount -t proc "
      "proc /proc), or use --contain=cgroup or pidns";

  /// Empty if the process is gone, or hidden from this user.
  std::optional<ProcessInfo> examine(pid_t pid) const;

  /// The user a process runs as; -1 if unknown.
  long user_of(pid_t pid) const;

  /// Whether `pid` descends from `ancestor`. False also if the process is gone.
  bool descends_from(pid_t pid, pid_t ancestor) const;

 private:
  friend class Children;
  std::vector<pid_t> numbers_in(const std::string& path) const;
  std::string text_of(const std::string& path) const;

  Fd root_;
  Listing listing_ = Listing::None;
  std::string why_unusable_;
};

/// The parent of each process, for one walk over a tree. The constructor scans /proc once: a scan
/// for each process of the tree would take longer than the margin of a lease.
class Children {
 public:
  explicit Children(const Proc& proc);

  /// The children of all threads of `parent`: the kernel lists a child under the thread that forked
  /// it.
  std::vector<pid_t> of(pid_t parent) const;

 private:
  std::vector<pid_t> listed(pid_t parent) const;

  const Proc& proc_;
  std::vector<std::pair<pid_t, pid_t>> scanned_;  // parent and child, sorted
};

}  // namespace dlock
