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

}  // namespace dlock
