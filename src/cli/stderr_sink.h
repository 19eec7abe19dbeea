#pragma once

#include "os/fd.h"

#include <string_view>

namespace dlock::cli {

/// Writes whole lines to stderr without ever waiting for its reader for long.
///
/// stderr may be a pipe that nobody reads, or a terminal on hold, and O_NONBLOCK cannot be set on
/// it: that flag belongs to all who share it. So pipes and terminals are opened a second time
/// through /proc, which gives a flag of our own; a socket takes it with each write; and a file does
/// not block.
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
