#pragma once

#include "redis/address.h"
#include "redis/resp.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dlock::redis {

/// The slot of a key in a Redis Cluster: CRC16 (XMODEM) of what stands between the first `{` and
/// the next `}`, or of the whole key if there is no such pair or nothing in between; modulo 16384.
/// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags
int slot_of(std::string_view key);

/// The smallest of the texts "", "{0}", "{1}", ... with which `before + text + after`, and whatever
/// begins with it, lies in that slot. All who ask for the same get the same, so it can be part of a
/// name. Takes some microseconds at best and 10 ms at worst: a slot is hit once in 16384 tries.
///
/// Empty also if no text does it, which no prefix of a sane length brings about.
std::string tag_into(int slot, std::string_view before, std::string_view after);

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
