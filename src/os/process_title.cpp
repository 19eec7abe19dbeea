#include "os/process_title.h"

#include <algorithm>
#include <cstring>
#include <sys/prctl.h>

namespace dlock {

ArgumentArea ArgumentArea::of(int argc, char** argv) {
  if (argc < 1) return {};
  // The kernel lays the arguments down one after the other; whoever changed argv may not have.
  ArgumentArea area{argv[0], argv[0]};
  for (int i = 0; i < argc && argv[i] == area.end; ++i)
    area.end = argv[i] + std::strlen(argv[i]) + 1;
  return area;
}

void set_process_title(const ArgumentArea& area, const std::string& name,
                       const std::string& title) {
  ::prctl(PR_SET_NAME, name.c_str());
  if (area.begin == nullptr || area.end <= area.begin) return;
  const auto room = static_cast<std::size_t>(area.end - area.begin);
  std::memset(area.begin, 0, room);
  std::memcpy(area.begin, title.data(), std::min(title.size(), room - 1));
}

}  // namespace dlock
