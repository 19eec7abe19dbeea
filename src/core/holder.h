#pragma once

#include "core/identity.h"

#include <cstdint>
#include <limits>
#include <string>
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

/// Who holds a lock, as its value tells. Fields that a peer of another kind does not write are
/// empty or 0. Bytes come from the store: show them through printable() only.
struct Holder {
  OwnerHash owner;
  ProcessHash process;
  std::string trace;
  std::string acquired_at;  // ISO 8601, UTC, the holder's wall clock: for people, not for decisions
  std::string host;
  long pid = 0;
  std::string user;
  std::string command;
  std::string note;
  FencingToken token;
  Limit limit;
  /// Its job is over, and only `--min-hold` keeps the lock.
  bool held_by_min_hold = false;
  /// Somebody has taken the lock from the holder by force, and is who the other fields name; the
  /// lock stays taken until the holder's job is gone.
  bool forced = false;
};

/// `host web1 pid 4711 (rsync -a …) since 2026-01-31T02:00:00.000Z`, with what is known of it.
std::string describe(const Holder& holder);

}  // namespace dlock
