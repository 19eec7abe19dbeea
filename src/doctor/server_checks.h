#pragma once

#include "core/time.h"
#include "doctor/findings.h"
#include "doctor/server_info.h"
#include "redis/address.h"

#include <string>

namespace dlock::doctor {

// The rules for the kind and role of one server: values in, a finding out.

/// Its kind and version, and whether it is deployed as the URL says.
Finding judge_server(const ServerInfo& info, Deployment deployment);

/// A replica refuses locks, or accepts them where no other run checks.
Finding judge_role(const ServerInfo& info);

/// Whether a failover can lose an acquire, and whether --min-replicas can be met.
Finding judge_replicas(const ServerInfo& info, int least_replicas, Deployment deployment);

/// The finding for a field that INFO does not have.
Finding unseen(const std::string& check);

/// The reply to CONFIG GET, if permitted; else empty.
struct ServerSettings {
  std::string save = {};          // its points, `3600 1 300 100`
  std::string append_fsync = {};  // always, everysec, no
  bool seen = false;
};

// The rules for how one server keeps its data: values in, a finding out.

/// Whether the server can evict lock keys (PROTOCOL.md, "Eviction").
Finding judge_eviction(const ServerInfo& info);

/// Whether it is about to refuse new keys.
Finding judge_memory(const ServerInfo& info);

/// What it loses in a restart.
Finding judge_persistence(const ServerInfo& info, const ServerSettings& settings,
                          bool trust_restart);

/// Whether it restarted so recently that an acquire must wait.
Finding judge_uptime(const ServerInfo& info, Duration ttl, bool trust_restart);

}  // namespace dlock::doctor
