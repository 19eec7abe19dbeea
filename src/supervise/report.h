#pragma once

#include "core/ending.h"
#include "core/holder.h"

#include <string>

namespace dlock::supervise {

/// What a run came to: the status file shows all of it.
struct Report {
  Ending ending = Ending::SupervisorDied;
  std::int32_t detail = 0;
  std::string key;
  std::string store;
  OwnerHash owner;     // if the lock was got
  FencingToken token;  // if the lock was got
  std::string acquired_at;
  std::string ended_at;
  std::string reason;  // why no job ran, or why it was killed
  Holder holder;       // who held it instead
};

/// One JSON object; the man page has its fields under STATUS FILE.
std::string to_json(const Report& report, int conflict_code);

/// Puts `text` in the place of `path`, which has the old or the new contents at any moment, also
/// after a crash. False with errno set.
bool write_atomically(const std::string& path, const std::string& text);

/// Why a status file could not be written there; empty if it can.
std::string why_not_writable(const std::string& path);

}  // namespace dlock::supervise
