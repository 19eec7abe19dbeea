#pragma once

#include "core/log.h"
#include "core/time.h"
#include "job/inherited.h"
#include "report/report.h"

#include <string>

namespace dlock {

/// What is to be done with the result of a run when nothing of it is left but its exit code.
struct Outlets {
  std::string status_file;   // empty: none
  std::string metrics_file;  // empty: none
  std::string on_skip;       // each a command for the shell; empty: none
  std::string on_lost;
  std::string on_failure;
  Duration hook_timeout = std::chrono::seconds{30};

  bool is_wanted() const {
    return !(status_file + metrics_file + on_skip + on_lost + on_failure).empty();
  }
};

/// Writes the files and runs the hook that fits.
/// Failures are told in a line each, and change nothing.
///
/// Who asks us to end, by `signal_fd`, waits neither for a hook nor for a file that others write
/// to.
void publish(const RunReport& report, const Outlets& wanted, const InheritedSignals& signals,
             const Fd& signal_fd, Log& log);

}  // namespace dlock
