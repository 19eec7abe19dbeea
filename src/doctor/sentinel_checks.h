#pragma once

#include "core/time.h"
#include "doctor/budget.h"
#include "doctor/failover.h"
#include "redis/connection.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dlock::doctor {

/// The master as one Sentinel reports it.
struct SentinelView {
  std::string sentinel;
  std::string fault = {};  // instead of an answer
  std::optional<Endpoint> master = {};
  std::map<std::string, std::string, std::less<>> fields = {};  // those of SENTINEL MASTER
};

/// Queries each configured Sentinel.
DeploymentCheck check_sentinels(const RedisAddress& address, const redis::Access& access,
                                Duration ttl, const Budget& budget);

/// Whether all Sentinels are reachable and agree.
Finding judge_agreement(const std::vector<SentinelView>& views);
/// Whether there are enough of them for a failover.
Finding judge_quorum(const std::vector<SentinelView>& views);
/// Their longest down-after; empty if none reports it.
std::optional<Duration> down_after(const std::vector<SentinelView>& views);

}  // namespace dlock::doctor
