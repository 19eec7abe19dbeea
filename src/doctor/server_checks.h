#pragma once

#include "core/time.h"
#include "doctor/findings.h"
#include "doctor/server_info.h"
#include "redis/address.h"

#include <string>

namespace dlock::doctor {

// The rules for what one server is: values in, a finding out.

/// Its kind and version, and whether it is deployed as the URL says.
Finding judge_server(const ServerInfo& info, Deployment deployment);

/// A replica takes no locks, or takes them where nobody else looks.
Finding judge_role(const ServerInfo& info);

/// Whether a failover may lose an acquire, and whether --min-replicas can be met.
Finding judge_replicas(const ServerInfo& info, int least_replicas, Deployment deployment);

/// What to say of something that INFO does not have.
Finding unseen(const std::string& check);

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
