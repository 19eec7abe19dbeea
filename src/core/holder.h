#pragma once

#include "core/identity.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace dlock {

/// How many may hold a lock at once, as one of them requires: one (the plain, exclusive lock), N
/// (`--limit N`), or any number (`--shared`).
struct Limit {
  std::uint32_t most = 1;

  static constexpr Limit shared() { return {std::numeric_limits<std::uint32_t>::max()}; }
  bool is_exclusive() const { return most == 1; }
  bool is_shared() const { return *this == shared(); }
  bool operator==(const Limit&) const = default;
};

/// Whether one more may hold the lock beside `holders`: the number of holders never exceeds the
/// smallest limit among them. So a reader and a writer, or runs with different limits, need no rule
/// of their own. (The scripts of the Redis store repeat this rule, because it must be atomic
/// there.)
bool may_enter(Limit newcomer, const std::vector<Limit>& holders);

/// The holder of a lock, as its value describes it. Fields that a peer of another kind does not
/// write are empty or 0. The bytes come from the store: show them through printable() only.
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
  /// The job is over, and only `--min-hold` keeps the lock.
  bool held_by_min_hold = false;
  /// A forced unlock took the lock from the holder. The other fields name the user who forced it.
  /// The lock stays taken until the holder's job is gone.
  bool forced = false;
};

/// Returns the known parts of `host web1 pid 4711 (rsync -a …) since 2026-01-31T02:00:00.000Z`.
std::string describe(const Holder& holder);

}  // namespace dlock
