#include "core/notification.h"

#include <algorithm>

namespace dlock {

Notification read_notification(std::string_view text) {
  Notification read;
  bool dropped = false;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const std::string_view with_its_end = text.substr(0, end + 1);
    if (line == "WATCHDOG=1") {
      read.beat = dropped = true;
    } else if (line.starts_with("MAINPID=")) {
      dropped = true;
    } else {
      read.rest += with_its_end;
    }
    text.remove_prefix(with_its_end.size());
  }
  const bool only_line_ends = read.rest.find_first_not_of('\n') == std::string::npos;
  if (dropped && only_line_ends) read.rest.clear();
  return read;
}

}  // namespace dlock
