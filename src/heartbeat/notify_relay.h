#pragma once

#include "os/datagram.h"

#include <deque>
#include <string>

namespace dlock {

/// Passes on what the job says by sd_notify(3) to whoever started dlock, in its order.
///
/// Never waits: while the reader is slow a little is kept, and what comes beyond that is dropped.
class NotifyRelay {
 public:
  /// `address`: what NOTIFY_SOCKET said. Empty, or nothing that we can reach: to nobody.
  explicit NotifyRelay(std::string address) : address_(std::move(address)) {}

  void pass_on(Datagram datagram);

  /// To be called when fd() can be written to.
  void flush();
  /// Negative when nothing waits.
  int fd() const { return waiting_.empty() ? -1 : socket_.number(); }

 private:
  enum class Sent { Done, Later };
  Sent send(const Datagram& datagram);

  std::string address_;
  Fd socket_;
  std::deque<Datagram> waiting_;
  std::size_t waiting_descriptors_ = 0;
};

}  // namespace dlock
