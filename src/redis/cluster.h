#pragma once

#include "redis/servers.h"

#include <list>
#include <map>

namespace dlock::redis {

/// A Redis Cluster: asks the node that keeps the slot of the key, and learns from its redirections
/// which one that is. A lock lives in one slot, so there is no map of all slots to keep.
/// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
class ClusterServers final : public Servers {
 public:
  ClusterServers(const RedisAddress& address, Access access);

  Result<Answers, StoreFault> ask(const std::vector<Command>& commands, std::string_view key,
                                  const CallDeadline& deadline) override;
  std::unique_ptr<Connection> another_connection(std::string_view key) const override;
  Result<std::vector<std::unique_ptr<Connection>>, StoreFault> connections_to_all(
      const CallDeadline& deadline) override;
  const std::string& name() const override { return name_; }

 private:
  /// Follows MOVED and ASK from that node on.
  Result<Answers, StoreFault> ask_from(Endpoint node, const std::vector<Command>& commands,
                                       int slot, const CallDeadline& deadline);
  bool is_connected(const Endpoint& node) const;
  Connection& connection_to(const Endpoint& node);
  void learn_nodes(const Reply& cluster_slots, const Endpoint& from);
  /// A connection of its own, which knows who told that address, if our user did not.
  Connection new_connection(const Endpoint& node) const;
  void note_who_named(const Endpoint& node, const Endpoint& from);
  /// Who may know where the slot is, the likeliest first.
  std::vector<Endpoint> candidates(int slot) const;

  std::string name_;
  Access access_;
  std::vector<Endpoint> given_;
  std::vector<Endpoint> nodes_;    // the given ones, then those that they told of
  std::map<int, Endpoint> owner_;  // of the slots that we asked for
  std::list<Connection> connections_;
  std::map<std::string, std::string> named_by_;  // of the others than the given ones, by their text
  bool nodes_learned_ = false;
};

}  // namespace dlock::redis
