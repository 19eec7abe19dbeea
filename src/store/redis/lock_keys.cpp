#include "store/redis/lock_keys.h"

#include "core/text.h"
#include "redis/cluster_slots.h"

namespace dlock::redis {

namespace {

/// Wrapping the whole name of the lock in braces is enough, unless the name or the prefix has
/// braces of its own. In that case it searches for a tag (PROTOCOL.md, "One slot").
std::string companion(const std::string& prefix, const char* kind, const std::string& lock,
                      int slot, const LockKey& key) {
  const std::string before = prefix + kind + ":";
  std::string wrapped = before + "{" + lock + "}";
  if (slot_of(wrapped) == slot) return wrapped;
  const std::string after = ":" + key.bytes();
  return before + tag_into(slot, before, after) + after;
}

}  // namespace

LockKeys::LockKeys(std::string prefix, const LockKey& key)
    : prefix_(std::move(prefix)),
      lock_(prefix_ + "lock:" + key.bytes()),
      slot_(slot_of(lock_)),
      token_(companion(prefix_, "fence", lock_, slot_, key)),
      queue_(companion(prefix_, "queue", lock_, slot_, key)),
      holders_(companion(prefix_, "holders", lock_, slot_, key)),
      past_run_(companion(prefix_, "done", lock_, slot_, key)) {}

bool LockKeys::prefix_fits_cluster(std::string_view prefix) {
  const auto open = prefix.find('{');
  return open == prefix.npos || prefix.substr(open + 1, 1) != "}";
}

std::string LockKeys::liveness(const ProcessHash& process) const {
  return prefix_ + "proc:" + process.text;
}

std::string LockKeys::place(const ProcessHash& process) const {
  return liveness(process) + ":wait";
}

std::string LockKeys::channel(const ProcessHash& process) const {
  return prefix_ + "wake:" + process.text;
}

bool LockKeys::in_our_slot(const std::string& key) const { return slot_of(key) == slot_; }

ProcessHash LockKeys::homed(const ProcessHash& process) const {
  const auto host_end = process.text.find('/');
  const std::string host = process.text.substr(0, host_end);
  const std::string rest = process.text.substr(host_end);
  return {host + tag_into(slot_, prefix_ + "proc:" + host, rest) + rest};
}

StoreFault not_a_lock(const std::string& server, const std::string& lock_key) {
  return {.exit_code = ExitCode::Configuration,
          .sentence = server + " has a value that is not a lock under '" + excerpt(lock_key, 100) +
                      "'; choose another --key or --prefix, or delete it if it is not needed",
          .not_applied = true};
}

}  // namespace dlock::redis
