#include "redis/dial.h"

#include "os/clock.h"
#include "os/wait.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>

namespace dlock::redis {
namespace {

using namespace std::chrono_literals;

constexpr Duration longest_stagger = 250ms;
constexpr std::size_t most_at_once = 8;

/// Whether this host has no route to such an address, for example of IPv6. The errors of the other
/// addresses say more.
bool is_of_no_way(int error) {
  return error == ENETUNREACH || error == EADDRNOTAVAIL || error == EAFNOSUPPORT;
}

/// Whether this process cannot open more sockets now.
bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/// One connection attempt.
struct Attempt {
  SocketAddress address;
  Fd socket;
};

class Race {
 public:
  Race(ServerAddresses& where, const CallDeadline& deadline) : where_(where), deadline_(deadline) {
    if (!where.need_no_lookup()) lookup_ = &where.look_up();
  }

  Result<OpenSocket, DialFailure> run() {
    for (;;) {
      take_names();
      start_those_due();
      if (winner_) return std::move(*winner_);
      if (nothing_more_to_come() || BootClock::now() >= deadline_.until)
        return DialFailure{.why = why_none()};
      if (!wait()) return DialFailure{.why = {}, .cancelled = true};
      if (winner_) return std::move(*winner_);
    }
  }

 private:
  Duration whole() const { return std::max(Duration::zero(), deadline_.until - began_); }
  bool looking_up() const { return lookup_ != nullptr && !named_ && !lookup_->finished(); }

  void take_names() {
    if (lookup_ == nullptr) return;
    std::vector<SocketAddress> found = lookup_->found();
    if (found.empty()) return;
    named_ = true;
    where_.name(std::move(found));
    const auto known = where_.in_order();
    std::erase_if(attempts_, [&](const Attempt& attempt) {
      return std::find(known.begin(), known.end(), attempt.address) == known.end();
    });
  }

  /// When an address can be tried. A possibly outdated address waits for the look-up, and longer if
  /// it failed before, because the look-up may replace it.
  Instant earliest(const SocketAddress& address) const {
    if (!looking_up()) return began_;
    return began_ +
           (where_.has_failed(address) ? whole() / 2 : std::min(longest_stagger, whole() / 4));
  }

  std::optional<SocketAddress> next() const {
    for (const SocketAddress& address : where_.in_order()) {
      if (std::find(tried_.begin(), tried_.end(), address) == tried_.end()) return address;
    }
    return {};
  }

  Instant next_due() const {
    const auto address = next();
    return address ? std::max(next_start_, earliest(*address)) : never;
  }

  void start_those_due() {
    while (!winner_ && next_due() <= BootClock::now()) start(*next());
  }

  void start(const SocketAddress& address) {
    const auto parts = static_cast<long>(where_.count() + 1);
    next_start_ = BootClock::now() + std::min(longest_stagger, whole() / parts);
    Attempt attempt{address,
                    Fd{::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)}};
    if (!attempt.socket.open() && is_shortage(errno) && !attempts_.empty()) return;
    tried_.push_back(address);
    if (!attempt.socket.open()) return note(errno);
    const int on = 1;
    if (address.family() != AF_UNIX)
      ::setsockopt(attempt.socket.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const int outcome =
        ::connect(attempt.socket.number(), reinterpret_cast<const sockaddr*>(&address.storage),
                  address.length);
    if (outcome == 0) return win(attempt);
    if (errno != EINPROGRESS) return note(errno);
    if (attempts_.size() == most_at_once) attempts_.erase(attempts_.begin());
    attempts_.push_back(std::move(attempt));
  }

  void win(Attempt& attempt) { winner_ = OpenSocket{std::move(attempt.socket), attempt.address}; }

  void note(int error) {
    next_start_ = BootClock::now();
    if (error_ == 0 || is_of_no_way(error_)) error_ = error;
  }

  bool nothing_more_to_come() const {
    return attempts_.empty() && !next() && (lookup_ == nullptr || lookup_->finished());
  }

  /// False if cancelled.
  bool wait() {
    std::vector<pollfd> watched;
    for (const Attempt& attempt : attempts_)
      watched.push_back({attempt.socket.number(), POLLOUT, 0});
    if (deadline_.cancellation != nullptr)
      watched.push_back({deadline_.cancellation->fd(), POLLIN, 0});
    Instant until = std::min(deadline_.until, next_due());
    if (lookup_ != nullptr) {
      lookup_->watch(watched);
      until = std::min(until, lookup_->due());
    }
    wait_for_any(watched, until);
    const auto of_cancellation = attempts_.size();
    if (deadline_.cancellation != nullptr && watched[of_cancellation].revents != 0 &&
        deadline_.cancellation->requested())
      return false;
    if (lookup_ != nullptr) lookup_->go_on();
    take_outcomes(watched);
    return true;
  }

  void take_outcomes(const std::vector<pollfd>& watched) {
    std::size_t i = 0;
    std::erase_if(attempts_, [&](Attempt& attempt) {
      if (watched[i++].revents == 0) return false;
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(attempt.socket.number(), SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) {
        note(error);
      } else if (!winner_) {
        win(attempt);
      }
      return true;
    });
  }

  std::string why_none() const {
    std::string why;
    if (lookup_ != nullptr && !named_) {
      why = "its name could not be resolved: " + lookup_->why_nothing();
      if (tried_.empty()) return why;
      why += "; at its previous address: ";
    }
    // The attempts still in progress have reported nothing, and had enough time.
    const bool unanswered = !attempts_.empty() && (error_ == 0 || is_of_no_way(error_));
    const int error = unanswered || tried_.empty() ? ETIMEDOUT : error_;
    return why + ::strerror(error);
  }

  ServerAddresses& where_;
  const CallDeadline& deadline_;
  const Instant began_ = BootClock::now();
  Lookup* lookup_ = nullptr;
  bool named_ = false;  // by this look-up
  Instant next_start_ = began_;
  std::vector<SocketAddress> tried_;
  std::vector<Attempt> attempts_;  // in the order in which they were started
  std::optional<OpenSocket> winner_;
  int error_ = 0;
};

}  // namespace

Result<OpenSocket, DialFailure> dial(ServerAddresses& where, const CallDeadline& deadline) {
  auto line = Race{where, deadline}.run();
  where.rest(line.ok());
  return line;
}

}  // namespace dlock::redis
