#pragma once

#include "core/time.h"
#include "doctor/findings.h"
#include "redis/address.h"

#include <string>
#include <vector>

namespace dlock::doctor {

/// How long a failover takes, as far as it can be known beforehand.
struct FailoverTime {
  std::string setting;  // what decides it, with its name
  Duration until_noticed;
  Duration election;  // what comes on top, as a rule
};

FailoverTime sentinel_failover(Duration down_after);
FailoverTime cluster_failover(Duration node_timeout);

/// The shortest TTL with which jobs survive it, in whole seconds. A shorter one keeps the promise,
/// but each failover kills the jobs (PROTOCOL.md, "The deadline").
Duration ttl_to_survive(const FailoverTime& failover);

Finding judge_failover_time(const FailoverTime& failover, Duration ttl);

/// What is to be said of a deployment, and the servers in it that keep locks now.
struct DeploymentCheck {
  std::vector<Endpoint> servers;
  Findings findings;
};

}  // namespace dlock::doctor
