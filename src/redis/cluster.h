#pragma once

#include "redis/servers.h"

#include <list>
#include <map>

namespace dlock::redis {

/// A Redis Cluster: sends a request to the node that serves the slot of the key, and learns that
/// node from redirections. A lock lies in one slot, so no map of all slots is needed.
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
  /// Starts at that node and follows MOVED and ASK.
  Result<Answers, StoreFault> ask_from(Endpoint node, const std::vector<Command>& commands,
                                       int slot, const CallDeadline& deadline);
  bool is_connected(const Endpoint& node) const;
  Connection& connection_to(const Endpoint& node);
  void learn_nodes(const Reply& cluster_slots, const Endpoint& from);
  /// A new connection. It knows which node named that address, unless the user gave it.
  Connection new_connection(const Endpoint& node) const;
  void note_who_named(const Endpoint& node, const Endpoint& from);
  /// The nodes that may serve the slot or know its owner, the most likely first.
  std::vector<Endpoint> candidates(int slot) const;

  std::string name_;
  Access access_;
  std::vector<Endpoint> given_;
  std::vector<Endpoint> nodes_;    // the given ones, then those that they named
  std::map<int, Endpoint> owner_;  // of the requested slots
  std::list<Connection> connections_;
  std::map<std::string, std::string> named_by_;  // which node named each address that was not
                                                 // given, by its text
  bool nodes_learned_ = false;
};

}  // namespace dlock::redis
