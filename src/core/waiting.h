#pragma once

#include "core/time.h"

#include <optional>

namespace dlock {

/// How long to wait for a held lock: `-n` not at all, `-w DUR` that long, `-w` forever.
struct WaitLimit {
  Duration most{};

  static constexpr WaitLimit none() { return {Duration::zero()}; }
  static constexpr WaitLimit forever() { return {Duration::max()}; }
  bool waits() const { return most > Duration::zero(); }
  bool is_forever() const { return most == Duration::max(); }
};

/// What a waiter knows of its place in the queue.
struct Place {
  /// The number of waiters in front; nothing if the store could not say.
  std::optional<std::uint64_t> ahead;
  /// When the waiter directly in front loses its place, unless it shows that it is alive.
  std::optional<Duration> ahead_ends_in;
  /// When the lock of the first holder in the way expires, unless it is renewed; nothing if it does
  /// not expire.
  std::optional<Duration> holder_ends_in;
  /// Whether that holder notifies the next waiter when it releases. A holder of the Node library
  /// does not.
  bool holder_calls = true;
};

/// How long a waiter may sleep before it asks again, unless it is notified earlier.
///
/// The first waiter asks when the holder's liveness could be over, because a dead holder notifies
/// no waiter. The others ask only to show that they are alive; a third of the TTL is enough,
/// because a waiter that does not ask for a whole TTL loses its place. They also ask when the
/// waiter in front could lose its place: if it died after it was notified, no other waiter would
/// notice.
Duration ask_again_in(const Place& place, Duration ttl);

}  // namespace dlock
