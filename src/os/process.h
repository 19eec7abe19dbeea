#pragma once

#include <string>

namespace dlock {

/// The memory in which the kernel shows a process's arguments to ps(1).
struct ArgumentArea {
  char* begin = nullptr;
  char* end = nullptr;

  static ArgumentArea of(int argc, char** argv);
};

/// Names this process: `name` for killall (15 characters at the most), `title` for ps and pkill -f.
/// So what kills all dlocks by name does not kill both supervisors of one job. The old arguments
/// are overwritten.
void set_process_title(const ArgumentArea& area, const std::string& name, const std::string& title);

/// Whether this process's memory can be seen by others than root: as a core file, in /proc, and by
/// who traces it. Hidden while there may be a password in it.
///
/// What a fork makes is hidden as well; what exec makes is not. So a job is as it would be without
/// dlock, which the limit of core files, being inherited, would not leave it.
///
/// While hidden, our files in /proc belong to root. Those that are read by everybody stay so, and
/// our own descriptors we may list; what is to be written there needs Shown (see pid_namespace).
enum class MemoryAccess { Hidden, Shown };

/// Returns what it was before.
MemoryAccess set_memory_access(MemoryAccess wanted);

/// Whether a time namespace begins with the next process that we start, as after unshare(1) --time
/// without --fork (before Linux 6.2; later ones let it begin with exec). Both supervisors read one
/// deadline, and then would by two clocks.
bool time_namespace_begins_with_children();

}  // namespace dlock
