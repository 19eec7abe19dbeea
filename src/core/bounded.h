#pragma once

#include "core/time.h"

#include <algorithm>

namespace dlock {

/// A time that somebody else tells, a server or a file: it may be any number, and nanoseconds
/// overflow after 292 years. What is further away than a century counts as one.
template <class Unit>
constexpr Duration bounded(Unit told) {
  constexpr Unit century = std::chrono::hours{24 * 36525};
  return std::clamp(told, -century, century);
}

}  // namespace dlock
