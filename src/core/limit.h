#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace dlock {

/// How many may hold a lock at once, in the eyes of one of them: one (the plain, exclusive lock),
/// N (`--limit N`), or as many as like (`--shared`).
struct Limit {
  std::uint32_t most = 1;

  static constexpr Limit shared() { return {std::numeric_limits<std::uint32_t>::max()}; }
  bool is_exclusive() const { return most == 1; }
  bool is_shared() const { return *this == shared(); }
  bool operator==(const Limit&) const = default;
};

/// Whether one more may hold the lock beside `holders`: never are there more at once than any of
/// them asked for. So a reader and a writer, or runs with different limits, need no rule of their
/// own. (The scripts of the Redis store repeat this rule, for it must be atomic there.)
bool may_enter(Limit newcomer, const std::vector<Limit>& holders);

}  // namespace dlock
