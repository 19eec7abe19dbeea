#pragma once

#include <string>

namespace dlock {

/// The memory from which the kernel shows a process's arguments in ps(1).
struct ArgumentArea {
  char* begin = nullptr;
  char* end = nullptr;

  static ArgumentArea of(int argc, char** argv);
};

/// Names this process: `name` for killall (at most 15 characters), `title` for ps and pkill -f. So
/// a command that kills all dlock processes by name does not kill both supervisors of one job.
/// Overwrites the old arguments.
void set_process_title(const ArgumentArea& area, const std::string& name, const std::string& title);

/// Whether users other than root can read this process's memory: as a core file, in /proc, or with
/// a tracer. Hidden while it can contain a password.
///
/// A forked child is hidden, too, but exec makes it readable. So the job runs as it would without
/// dlock; a limit for core files instead would be inherited by the job.
///
/// While hidden, the process's files in /proc belong to root. Files that every user can read stay
/// readable, and the process can still list its own descriptors; writing needs Shown (see
/// pid_namespace).
enum class MemoryAccess { Hidden, Shown };

/// Returns the previous value.
MemoryAccess set_memory_access(MemoryAccess wanted);

/// Whether the next child process starts a time namespace, as after unshare(1) --time without
/// --fork (before Linux 6.2; later versions start it with exec). The two supervisors would then
/// compare one deadline with two different clocks.
bool time_namespace_begins_with_children();

}  // namespace dlock
