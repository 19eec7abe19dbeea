#include "redis/cluster.h"

#include "redis/cluster_slots.h"
#include "redis/faults.h"

#include <algorithm>
#include <optional>

namespace dlock::redis {
namespace {

/// The reply to CLUSTER SLOTS of a standalone server, which serves all slots. Another run can name
/// its servers differently, and then use another standalone server than the one used here.
bool is_no_node(const Reply& cluster_slots) {
  return cluster_slots.is_error() &&
         cluster_slots.text.find("cluster support disabled") != cluster_slots.text.npos;
}

}  // namespace

ClusterServers::ClusterServers(const RedisAddress& address, Access access)
    : name_(address.name()),
      access_(std::move(access)),
      given_(address.endpoints),
      nodes_(given_) {}

Result<Answers, StoreFault> ClusterServers::ask(const std::vector<Command>& commands,
                                                std::string_view key,
                                                const CallDeadline& deadline) {
  const int slot = slot_of(key);
  const std::vector<Endpoint> nodes = candidates(slot);
  std::optional<StoreFault> first_fault;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    auto answers = ask_from(nodes[i], commands, slot,
                            share_of(deadline, is_connected(nodes[i]) ? 1 : nodes.size() - i));
    if (answers) return answers;
    StoreFault& fault = answers.error();
    owner_.erase(slot);
    const bool is_cancelled =
        deadline.cancellation != nullptr && deadline.cancellation->requested();
    // Only a request that certainly was not applied is retried.
    if (!fault.not_applied || is_cancelled || fault.exit_code != ExitCode::StoreUnavailable)
      return std::move(fault);
    if (!first_fault || fault.worth_retrying) first_fault = std::move(fault);
  }
  return *first_fault;
}

Result<Answers, StoreFault> ClusterServers::ask_from(Endpoint node,
                                                     const std::vector<Command>& commands, int slot,
                                                     const CallDeadline& deadline) {
  constexpr int most_redirections = 5;
  bool asking = false;
  for (int redirections = 0; redirections <= most_redirections; ++redirections) {
    std::vector<Command> sent = commands;
    if (asking) sent.insert(sent.begin(), {"ASKING"});
    // Sent along with a request whose answer is needed in any case: a Cluster can outlive the nodes
    // in the URL, and a server that cannot answer it is not a Cluster.
    const bool learning = !asking && !nodes_learned_;
    if (learning) sent.push_back({"CLUSTER", "SLOTS"});

    auto answers = redis::ask(connection_to(node), sent, deadline);
    if (!answers) {
      // The target of a redirection does not answer: a failover may be in progress.
      if (redirections > 0 && answers.error().exit_code == ExitCode::StoreUnavailable)
        answers.error().worth_retrying = true;
      return answers;
    }
    std::vector<Reply>& replies = answers->replies;
    if (learning) {
      const Reply slots = std::move(replies.back());
      replies.pop_back();
      learn_nodes(slots, node);
      if (is_no_node(slots)) {
        StoreFault fault = error_reply(answers->server, slots.text);
        fault.not_applied = false;  // the request was applied: the caller must release the lock
        return fault;
      }
    }
    if (asking) replies.erase(replies.begin());

    const auto redirection = redirection_in(replies.front(), node);
    if (answers->from_wrong_server()) connection_to(node).leave();
    if (answers->turned_away()) {  // another node may serve the slot by now
      StoreFault fault = error_reply(answers->server, replies.front().text);
      fault.not_applied = true;
      return fault;
    }
    if (!redirection) {
      if (!asking) owner_[slot] = node;
      return answers;
    }
    note_who_named(redirection->to, node);
    node = redirection->to;
    asking = !redirection->for_good;
    if (redirection->for_good) nodes_learned_ = false;
  }
  return StoreFault{
      .sentence = name_ + " redirects the request from node to node; is it being resharded?",
      .not_applied = true,
      .worth_retrying = true};
}

std::unique_ptr<Connection> ClusterServers::another_connection(std::string_view key) const {
  const auto owner = owner_.find(slot_of(key));
  if (owner == owner_.end()) return nullptr;
  const auto known = std::find_if(
      connections_.begin(), connections_.end(),
      [&](const Connection& connection) { return connection.endpoint() == owner->second; });
  if (known != connections_.end()) return known->another();
  return std::make_unique<Connection>(new_connection(owner->second));
}

Result<std::vector<std::unique_ptr<Connection>>, StoreFault> ClusterServers::connections_to_all(
    const CallDeadline& deadline) {
  auto known = ask({{"CLUSTER", "SLOTS"}}, {}, deadline);
  if (!known) return known.error();
  const Reply& ranges = known->replies.front();
  if (ranges.is_error()) return error_reply(known->server, ranges.text);
  // The node that answered is still connected: no other connection was made since.
  const auto asked = std::find_if(connections_.begin(), connections_.end(),
                                  [&](const Connection& c) { return c.name() == known->server; });
  std::vector<std::unique_ptr<Connection>> connections;
  for (const auto& nodes : nodes_in(ranges, asked->endpoint())) {
    const Endpoint& master = nodes.front();
    note_who_named(master, asked->endpoint());
    const bool there = std::any_of(connections.begin(), connections.end(),
                                   [&](const auto& c) { return c->endpoint() == master; });
    if (!there) connections.push_back(std::make_unique<Connection>(new_connection(master)));
  }
  return connections;
}

bool ClusterServers::is_connected(const Endpoint& node) const {
  return std::any_of(connections_.begin(), connections_.end(),
                     [&](const Connection& c) { return c.endpoint() == node && c.open(); });
}

Connection& ClusterServers::connection_to(const Endpoint& node) {
  const auto known = std::find_if(connections_.begin(), connections_.end(),
                                  [&](const Connection& c) { return c.endpoint() == node; });
  if (known != connections_.end()) return *known;
  constexpr std::size_t most_connections = 4;  // the slot's owner, its next one, a foreign liveness
  if (connections_.size() == most_connections) connections_.pop_front();
  return connections_.emplace_back(new_connection(node));
}

Connection ClusterServers::new_connection(const Endpoint& node) const {
  const auto named_by = named_by_.find(node.text());
  return {node, access_, named_by == named_by_.end() ? "" : named_by->second};
}

void ClusterServers::note_who_named(const Endpoint& node, const Endpoint& from) {
  if (std::find(given_.begin(), given_.end(), node) != given_.end()) return;
  named_by_.emplace(node.text(), "the node " + from.text() + " of the Cluster");
}

/// If the user may not call CLUSTER SLOTS, no further nodes are known.
void ClusterServers::learn_nodes(const Reply& cluster_slots, const Endpoint& from) {
  nodes_learned_ = true;
  for (const auto& nodes : nodes_in(cluster_slots, from)) {
    for (const Endpoint& node : nodes) {
      note_who_named(node, from);
      if (std::find(nodes_.begin(), nodes_.end(), node) == nodes_.end()) nodes_.push_back(node);
    }
  }
}

std::vector<Endpoint> ClusterServers::candidates(int slot) const {
  std::vector<Endpoint> nodes;
  const auto owner = owner_.find(slot);
  if (owner != owner_.end()) nodes.push_back(owner->second);
  for (const Endpoint& node : nodes_) {
    if (nodes.empty() || node != nodes.front()) nodes.push_back(node);
  }
  return nodes;
}

}  // namespace dlock::redis
