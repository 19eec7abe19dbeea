#include "core/notification.h"

#include <algorithm>

namespace dlock {

Notification read_notification(std::string_view text) {
  Notification read;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const std::string_view with_its_end = text.substr(0, end + 1);
    if (line == "WATCHDOG=1") {
      read.beat = true;
    } else {
      read.rest += with_its_end;
    }
    text.remove_prefix(with_its_end.size());
  }
  const bool only_line_ends = read.rest.find_first_not_of('\n') == std::string::npos;
  if (read.beat && only_line_ends) read.rest.clear();
  return read;
}

}  // namespace dlock
