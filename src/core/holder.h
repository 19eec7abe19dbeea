#pragma once

#include "core/identity.h"
#include "core/limit.h"

#include <string>

namespace dlock {

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
  bool only_kept = false;
  /// Somebody has taken the lock from the holder by force, and is who the other fields name; the
  /// lock stays taken until the holder's job is gone.
  bool forced = false;
};

/// `host web1 pid 4711 (rsync -a …) since 2026-01-31T02:00:00.000Z`, with what is known of it.
std::string describe(const Holder& holder);

}  // namespace dlock
