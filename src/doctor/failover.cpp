#include "doctor/failover.h"

#include "core/duration.h"

namespace dlock::doctor {

using namespace std::chrono_literals;

FailoverTime sentinel_failover(Duration down_after) {
  return {"down-after-milliseconds", down_after, 5s};
}

FailoverTime cluster_failover(Duration node_timeout) {
  return {"cluster-node-timeout", node_timeout, 2s};
}

Duration ttl_to_survive(const FailoverTime& failover) {
  const Duration takes = failover.until_noticed + failover.election;
  return std::chrono::ceil<std::chrono::seconds>(takes + takes / 10 * 3);
}

Finding judge_failover_time(const FailoverTime& failover, Duration ttl) {
  const Duration least = ttl_to_survive(failover);
  Finding finding{
      .check = "failover time",
      .fact = failover.setting + " " + to_text(failover.until_noticed) + ", --ttl " + to_text(ttl)};
  if (ttl >= least) return finding;
  finding.verdict = Verdict::Weak;
  finding.meaning = "a failover takes about " +
                    to_text(failover.until_noticed + failover.election) +
                    ": running jobs do not survive it";
  finding.remedy = "give --ttl " + to_text(least) + " or more, or a smaller " + failover.setting;
  return finding;
}

}  // namespace dlock::doctor
