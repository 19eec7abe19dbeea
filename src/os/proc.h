#pragma once

#include "os/fd.h"

#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace dlock {

/// What /proc/<pid>/stat says of a process.
struct ProcessInfo {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  char state = '?';
  std::string name;  // chosen by the process itself: any bytes, up to 15
};

/// Parses that file. Nothing when the text is not such a file.
std::optional<ProcessInfo> parse_stat(pid_t pid, const std::string& text);

/// Whether a /proc numbers processes as `pid`, the number that getpid(2) gives us, is numbered: by
/// the text of its self/status. NSpid has our number in each pid namespace from that of the mount
/// down to our own (proc(5)), so one number alone proves that the two are the same.
bool is_proc_of_our_namespace(pid_t pid, const std::string& self_status);

/// How a process finds its children.
enum class Listing {
  ChildrenFiles,  // /proc/<pid>/task/<tid>/children
  Scan,           // all of /proc, for kernels without CONFIG_PROC_CHILDREN
  None,           // not at all: there is no /proc, or it is not ours
};

/// The processes that the mounted /proc shows, if it is that of our own pid namespace.
///
/// In a new pid namespace the /proc of the outer one often stays mounted (`unshare --pid --fork`,
/// `bwrap --unshare-pid`). Its numbers name other processes than kill(2) does: the children that it
/// lists could not be killed, and strangers would be. So no number is believed there.
///
/// The directory stays open: what is mounted over /proc later changes nothing.
class Proc {
 public:
  /// Opens /proc and finds out what it is.
  Proc();
  /// To try another way of listing than the best one.
  explicit Proc(Listing listing) : Proc() { listing_ = listing; }

  Listing listing() const { return listing_; }

  /// Empty when processes can be listed; else why not.
  const std::string& why_unusable() const { return why_unusable_; }
  static constexpr const char* remedy =
      "mount that of this namespace (unshare --mount-proc, bwrap --proc /proc, mount -t proc proc "
      "/proc), or use --contain=cgroup or pidns";

  /// Nothing when the process is gone, or hidden from us.
  std::optional<ProcessInfo> examine(pid_t pid) const;

  /// The user a process runs as; -1 when unknown.
  long user_of(pid_t pid) const;

  /// Whether `pid` descends from `ancestor`. False as well when the process is gone.
  bool descends_from(pid_t pid, pid_t ancestor) const;

 private:
  friend class Children;
  std::vector<pid_t> numbers_in(const std::string& path) const;
  std::string text_of(const std::string& path) const;

  Fd root_;
  Listing listing_ = Listing::None;
  std::string why_unusable_;
};

/// Who is whose child, for one walk over a tree. A scan of /proc is made once, here: one for each
/// process of the tree would take longer than a lease has margin for.
class Children {
 public:
  explicit Children(const Proc& proc);

  /// Those of all threads of `parent`: a child hangs off the thread that forked it.
  std::vector<pid_t> of(pid_t parent) const;

 private:
  std::vector<pid_t> listed(pid_t parent) const;

  const Proc& proc_;
  std::vector<std::pair<pid_t, pid_t>> scanned_;  // parent and child, sorted
};

}  // namespace dlock
