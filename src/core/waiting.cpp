#include "core/waiting.h"

#include <algorithm>

namespace dlock {

using namespace std::chrono_literals;

Duration ask_again_in(const Place& place, Duration ttl) {
  const Duration show_life = ttl / 3;
  if (!place.ahead) return std::min<Duration>(show_life, 200ms);
  Duration wait = show_life;
  if (*place.ahead > 0) {
    if (place.ahead_ends_in) wait = std::min<Duration>(wait, *place.ahead_ends_in + 1ms);
    return std::max<Duration>(wait, 1ms);
  }
  if (!place.holder_calls) wait = std::min<Duration>(wait, 500ms);
  // A key with no millisecond left still exists; it is gone one millisecond later.
  if (place.holder_ends_in) wait = std::min<Duration>(wait, *place.holder_ends_in + 1ms);
  return std::max<Duration>(wait, 1ms);
}

}  // namespace dlock
