#pragma once

#include "core/log.h"
#include "core/time.h"
#include "job/inherited.h"
#include "report/report.h"

#include <string>

namespace dlock {

/// The destinations of the result of a run besides its exit code.
struct Outlets {
  std::string status_file;   // empty: none
  std::string metrics_file;  // empty: none
  std::string on_skip;       // each hook is a shell command; empty: none
  std::string on_lost;
  std::string on_failure;
  Duration hook_timeout = std::chrono::seconds{30};

  bool is_wanted() const {
    return !(status_file + metrics_file + on_skip + on_lost + on_failure).empty();
  }
};

/// Writes the files and runs the hook that matches. A failure is logged in one line and changes
/// nothing else.
///
/// A signal from `signal_fd` that asks dlock to end also ends the wait for a hook, and for a file
/// that other runs write to.
void publish(const RunReport& report, const Outlets& wanted, const InheritedSignals& signals,
             const Fd& signal_fd, Log& log);

}  // namespace dlock
