#pragma once

#include "redis/address.h"
#include "redis/resp.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dlock::redis {

/// The slot of a key in a Redis Cluster: CRC16 (XMODEM) of the text between the first `{` and the
/// next `}`, or of the whole key if there is no such pair or nothing in between; modulo 16384.
/// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags
int slot_of(std::string_view key);

/// The smallest of the texts "", "{0}", "{1}", ... for which `before + text + after`, and any name
/// that begins with it, lies in that slot. Deterministic, so it can be part of a name. Takes some
/// microseconds at best and 10 ms at worst: one in 16384 tries hits a slot.
///
/// Empty also if no text fits, which does not happen with a prefix of reasonable length.
std::string tag_into(int slot, std::string_view before, std::string_view after);

// What a node of a Cluster reports about the others. A node that does not know its own name leaves
// the host empty: then it is the node that replied, `from`.

/// The target of `MOVED 3999 host:port` or `ASK 3999 host:port`.
struct Redirection {
  bool for_good;
  Endpoint to;
};
/// Empty if the reply is not a redirection, or has no valid target.
std::optional<Redirection> redirection_in(const Reply& reply, const Endpoint& from);

/// The nodes of each range of slots in the reply to CLUSTER SLOTS, the master first. An invalid
/// range is skipped, and an invalid address ends the list of its range.
std::vector<std::vector<Endpoint>> nodes_in(const Reply& cluster_slots, const Endpoint& from);

}  // namespace dlock::redis
