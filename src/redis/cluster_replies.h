#pragma once

#include "redis/address.h"
#include "redis/resp.h"

#include <optional>
#include <vector>

namespace dlock::redis {

// What a node of a Cluster says of the others. One that does not know its own name leaves the host
// out: it is the one that we asked, `from`.

/// Where `MOVED 3999 host:port` and `ASK 3999 host:port` send us.
struct Redirection {
  bool for_good;
  Endpoint to;
};
/// Nothing when the reply is none, or sends us nowhere.
std::optional<Redirection> redirection_in(const Reply& reply, const Endpoint& from);

/// The nodes of each range of slots in the reply to CLUSTER SLOTS, its master first. What is no
/// range is left out, and what is no address makes the rest of its range unknown.
std::vector<std::vector<Endpoint>> nodes_in(const Reply& cluster_slots, const Endpoint& from);

}  // namespace dlock::redis
