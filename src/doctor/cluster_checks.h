#pragma once

#include "core/time.h"
#include "doctor/budget.h"
#include "doctor/failover.h"
#include "doctor/server_info.h"
#include "redis/connection.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dlock::doctor {

/// One line of CLUSTER NODES.
struct ClusterNode {
  std::string id;
  Endpoint endpoint;
  std::string flags;
  bool has_slots = false;

  bool keeps_locks() const;
};
/// A node that does not know its own host is the one that replied, `asked`.
std::vector<ClusterNode> parse_cluster_nodes(std::string_view text, const Endpoint& asked);

/// The state of the Cluster as one node reports it.
struct NodeView {
  Endpoint node;
  std::string fault = {};  // instead of an answer
  std::string id = {};
  ServerInfo cluster = {};  // CLUSTER INFO
  std::vector<ClusterNode> nodes = {};
  std::optional<Duration> node_timeout = {};
};

/// Queries each configured node. If the user may not call CLUSTER, the configured nodes are taken
/// for the deployment.
DeploymentCheck check_cluster(const RedisAddress& address, const redis::Access& access,
                              Duration ttl, const Budget& budget);

/// Whether all slots are served.
Finding judge_cluster_state(const std::vector<NodeView>& views);
/// Whether all configured nodes are reachable and belong to one Cluster.
Finding judge_nodes(const std::vector<NodeView>& views);

}  // namespace dlock::doctor
