#pragma once

#include "core/time.h"
#include "doctor/findings.h"
#include "redis/address.h"

#include <string>
#include <vector>

namespace dlock::doctor {

/// The expected duration of a failover.
struct FailoverTime {
  std::string setting;  // the setting that determines it, with its name
  Duration until_noticed;
  Duration election;  // the usual time after that
};

FailoverTime sentinel_failover(Duration down_after);
FailoverTime cluster_failover(Duration node_timeout);

/// The shortest TTL with which jobs survive a failover, in whole seconds. With a shorter one the
/// lock is still exclusive, but each failover kills the jobs (PROTOCOL.md, "The deadline").
Duration ttl_to_survive(const FailoverTime& failover);

Finding judge_failover_time(const FailoverTime& failover, Duration ttl);

/// The findings about a deployment, and its servers that store locks now.
struct DeploymentCheck {
  std::vector<Endpoint> servers;
  Findings findings;
};

}  // namespace dlock::doctor
