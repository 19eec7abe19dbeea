#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace dlock::supervise {

/// What /proc/<pid>/stat says of a process.
struct ProcessInfo {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  char state = '?';
};

/// Nothing when the process is gone, or hidden from us.
std::optional<ProcessInfo> examine(pid_t pid);

/// What that file says, whose name of the process is the choice of the process itself. Nothing when
/// it is not such a file.
std::optional<ProcessInfo> parse_stat(pid_t pid, const std::string& text);

/// The user a process runs as; -1 when unknown.
long user_of(pid_t pid);

/// How a process finds its children.
enum class Listing {
  ChildrenFiles,  // /proc/<pid>/task/<tid>/children
  Scan,           // all of /proc, for kernels without CONFIG_PROC_CHILDREN
  None,           // no /proc
};
Listing probe_listing();

/// The children of one process, of all its threads. A child hangs off the thread that forked it.
std::vector<pid_t> children_of(pid_t pid, Listing listing);

/// Whether `pid` descends from `ancestor`. False as well when the process is gone.
bool descends_from(pid_t pid, pid_t ancestor);

/// A whole small file, as those of /proc are; empty when it cannot be read.
std::string read_file(const char* path);

}  // namespace dlock::supervise
