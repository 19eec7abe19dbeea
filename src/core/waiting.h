#pragma once

#include "core/time.h"

#include <optional>

namespace dlock {

/// How long to wait for a lock that is held: `-n` not at all, `-w DUR` that long, `-w` for ever.
struct WaitLimit {
  Duration most{};

  static constexpr WaitLimit none() { return {Duration::zero()}; }
  static constexpr WaitLimit forever() { return {Duration::max()}; }
  bool waits() const { return most > Duration::zero(); }
  bool is_forever() const { return most == Duration::max(); }
};

/// What a waiter knows of its place in the queue.
struct Place {
  /// How many wait in front of it; nothing when the store could not say.
  std::optional<std::uint64_t> ahead;
  /// When the one right in front of it loses its place, unless it shows that it lives.
  std::optional<Duration> ahead_ends_in;
  /// When the first of the holders in the way ends, unless it is renewed; nothing when it does not
  /// end by itself.
  std::optional<Duration> holder_ends_in;
  /// Whether that holder calls the next one when it releases. A holder of the Node library does
  /// not.
  bool holder_calls = true;
};

/// How long a waiter may sleep until it asks again, unless it is called before.
///
/// The first one looks when the holder's liveness could be over: should the holder be dead, nobody
/// calls. The others ask only to show that they are alive, for which a third of the TTL will do: a
/// waiter that is silent for a whole TTL loses its place. And when that of the one in front of them
/// could be lost: should it have died after it was called, nobody else would look.
Duration ask_again_in(const Place& place, Duration ttl);

}  // namespace dlock
