#pragma once

#include "core/time.h"
#include "doctor/finding.h"
#include "doctor/server_info.h"

#include <string>

namespace dlock::doctor {

/// What CONFIG GET said, where it may be asked; empty where not.
struct ServerSettings {
  std::string save = {};          // its points, `3600 1 300 100`
  std::string append_fsync = {};  // always, everysec, no
  bool seen = false;
};

// The rules for what one server remembers: values in, a finding out.

/// Whether the server may throw lock keys away (PROTOCOL.md, "Eviction").
Finding judge_eviction(const ServerInfo& info);

/// Whether it is about to refuse new keys.
Finding judge_memory(const ServerInfo& info);

/// What it forgets when it restarts.
Finding judge_persistence(const ServerInfo& info, const ServerSettings& settings,
                          bool trust_restart);

/// Whether it is so young that an acquire must wait.
Finding judge_uptime(const ServerInfo& info, Duration ttl, bool trust_restart);

}  // namespace dlock::doctor
