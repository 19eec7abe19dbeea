#pragma once

#include "os/datagram.h"

#include <deque>
#include <string>

namespace dlock {

/// Passes the job's sd_notify(3) messages on, in order, to the service manager that started dlock.
///
/// Never blocks: while the reader is slow a few messages are kept, and further ones are dropped.
class NotifyRelay {
 public:
  /// `address`: the value of NOTIFY_SOCKET. If it is empty or unreachable, messages are dropped.
  explicit NotifyRelay(std::string address) : address_(std::move(address)) {}

  void pass_on(Datagram datagram);

  /// Call it when fd() is writable.
  void flush();
  /// Negative when no message is waiting.
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
