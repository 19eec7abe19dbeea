#include "heartbeat/notify_relay.h"

#include <cerrno>

namespace dlock {
namespace {

constexpr std::size_t most_waiting = 32;

bool is_temporary(int error) { return error == EAGAIN || error == ENOBUFS; }

}  // namespace

void NotifyRelay::pass_on(Datagram datagram) {
  if (address_.empty() || datagram.text.empty()) return;
  flush();
  if (waiting_.empty() && send(datagram) == Sent::Done) return;
  const std::size_t descriptors = waiting_descriptors_ + datagram.descriptors.size();
  if (waiting_.size() >= most_waiting || descriptors > most_descriptors) return;
  waiting_descriptors_ = descriptors;
  waiting_.push_back(std::move(datagram));
}

void NotifyRelay::flush() {
  while (!waiting_.empty() && send(waiting_.front()) == Sent::Done) {
    waiting_descriptors_ -= waiting_.front().descriptors.size();
    waiting_.pop_front();
  }
}

NotifyRelay::Sent NotifyRelay::send(const Datagram& datagram) {
  // The receiver may have restarted since the last message.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!socket_.open()) socket_ = connect_datagram_socket(address_);
    if (!socket_.open()) return Sent::Done;  // there is no receiver
    if (send_datagram(socket_, datagram.text, datagram.descriptors)) return Sent::Done;
    if (is_temporary(errno)) return Sent::Later;
    socket_.close();
  }
  return Sent::Done;
}

}  // namespace dlock
