#pragma once

#include "core/log.h"
#include "os/fd.h"

#include <string>

namespace dlock::cli {

/// systemd's journal, spoken to in its own protocol, which has named fields: `journalctl
/// DLOCK_KEY=backup` finds all runs of a key. (systemd.io/JOURNAL_NATIVE_PROTOCOL)
class Journal {
 public:
  /// False if the message was not taken: no journal can be reached from here, or it is stuck.
  ///
  /// Returns when the journal has read it, at most 50 ms later. The journal learns from /proc to
  /// which unit the sender belongs; a sender that is gone by then belongs to none, and our last
  /// line is followed by our end.
  bool take(LogLevel level, const std::string& text, const std::string& key);

 private:
  bool unread() const;
  void wait_until_read();

  Fd socket_;
  bool out_of_reach_ = false;
};

/// As syslog(3) numbers it.
int priority_of(LogLevel level);

}  // namespace dlock::cli
