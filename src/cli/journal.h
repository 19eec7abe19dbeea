#pragma once

#include "core/log.h"
#include "os/fd.h"

#include <string>

namespace dlock::cli {

/// The journal of systemd, in its native protocol, which has named fields: `journalctl
/// DLOCK_KEY=backup` finds all runs of a key. (systemd.io/JOURNAL_NATIVE_PROTOCOL)
class Journal {
 public:
  /// Sends one message. Returns false if it was not taken: no journal is reachable, or it is stuck.
  ///
  /// Returns when the journal has read the message, at most 50 ms later. The journal finds the
  /// sender's unit in /proc, so a sender that is gone by then has no unit, and dlock exits right
  /// after its last line.
  bool take(LogLevel level, const std::string& text, const std::string& key);

 private:
  bool unread() const;
  void wait_until_read();

  Fd socket_;
  bool out_of_reach_ = false;
};

/// The priority number of syslog(3).
int priority_of(LogLevel level);

}  // namespace dlock::cli
