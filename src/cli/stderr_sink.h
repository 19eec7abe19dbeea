#pragma once

#include "os/fd.h"

#include <string_view>

namespace dlock::cli {

/// Writes whole lines to stderr and never blocks for long.
///
/// stderr can be a pipe that is not read, or a stopped terminal. O_NONBLOCK cannot be set on it,
/// because all processes that share it share the flag. So pipes and terminals are opened a second
/// time through /proc, which gives a separate flag. A socket takes the flag with each write, and a
/// file does not block.
class StderrSink {
 public:
  void write_line(std::string_view line);

 private:
  enum class Kind { Unknown, File, Socket, Reopened, Borrowed };
  void find_out();
  bool wait_for_room();
  long try_write(std::string_view bytes);

  Kind kind_ = Kind::Unknown;
  Fd own_;
  bool dropping_ = false;
};

}  // namespace dlock::cli
