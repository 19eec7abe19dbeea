#include "doctor/cluster_checks.h"

#include "core/number.h"
#include "core/text.h"
#include "core/time.h"
#include "doctor/failover.h"
#include "redis/servers.h"

#include <algorithm>
#include <sstream>

namespace dlock::doctor {
namespace {

constexpr const char* allow_queries =
    "allow the user to query it: +cluster|info +cluster|nodes +cluster|myid";

NodeView ask(const Endpoint& node, const redis::Access& access, const Budget& budget) {
  redis::Connection connection{node, access};
  NodeView view{.node = node};
  auto answers = redis::ask(connection,
                            {{"CLUSTER", "INFO"},
                             {"CLUSTER", "MYID"},
                             {"CLUSTER", "NODES"},
                             {"CONFIG", "GET", "cluster-node-timeout"}},
                            budget.deadline());
  if (!answers) {
    view.fault = answers.error().sentence;
    return view;
  }
  const auto& replies = answers->replies;
  if (replies[0].is_error()) {
    view.fault = node.text() + " replied: " + excerpt(replies[0].text, 120);
    return view;
  }
  view.cluster = ServerInfo::parse(replies[0].text);
  if (!replies[1].is_error()) view.id = replies[1].text;
  if (!replies[2].is_error()) view.nodes = parse_cluster_nodes(replies[2].text, node);
  if (const auto ms = parse_number<long long>(replies[3].text_at(1), 0))
    view.node_timeout = bounded(std::chrono::milliseconds{*ms});
  return view;
}

bool may_not_be_asked(const NodeView& view) { return view.fault.find("NOPERM") != view.fault.npos; }
bool is_alone(const NodeView& view) {
  return view.fault.find("cluster support disabled") != view.fault.npos;
}

Finding time_of_failover(const std::vector<NodeView>& views, Duration ttl) {
  std::optional<Duration> longest;
  for (const NodeView& view : views) {
    if (view.node_timeout) longest = std::max(longest.value_or(Duration{}), *view.node_timeout);
  }
  if (longest) return judge_failover_time(cluster_failover(*longest), ttl);
  using namespace std::chrono_literals;
  Finding assumed = judge_failover_time(cluster_failover(15s), ttl);
  return {.check = "failover time",
          .verdict = Verdict::Note,
          .fact = "cluster-node-timeout is unknown: this user is not allowed to run CONFIG GET",
          .meaning = "it must be clearly less than --ttl, otherwise a failover kills running jobs",
          .remedy = assumed.verdict == Verdict::Good
                        ? "ask the administrator of the Cluster; the default is 15s"
                        : "if it is 15s, the default: " + assumed.remedy};
}

}  // namespace

bool ClusterNode::keeps_locks() const {
  // Whole words: `nofailover` is harmless, and `fail?` is the suspicion of one node only.
  const auto is = [this](const std::string& flag) {
    return ("," + flags + ",").find("," + flag + ",") != flags.npos;
  };
  return has_slots && endpoint.port != 0 && is("master") && !is("fail") && !is("noaddr") &&
         !is("handshake");
}

std::vector<ClusterNode> parse_cluster_nodes(std::string_view text, const Endpoint& asked) {
  std::vector<ClusterNode> nodes;
  std::istringstream lines{std::string{text}};
  for (std::string line; std::getline(lines, line);) {
    // id host:port@bus[,name] flags master ping pong epoch link slots...
    std::istringstream words{line};
    ClusterNode node;
    std::string address, master, ping, pong, epoch, link, slots;
    if (!(words >> node.id >> address >> node.flags >> master >> ping >> pong >> epoch >> link))
      continue;
    node.has_slots = static_cast<bool>(words >> slots);
    address.resize(std::min(address.find('@'), address.size()));
    const auto colon = address.rfind(':');
    if (colon == address.npos) continue;
    node.endpoint.host = colon == 0 ? asked.host : address.substr(0, colon);
    node.endpoint.port =
        parse_number(std::string_view{address}.substr(colon + 1), 0, 65535).value_or(0);
    nodes.push_back(std::move(node));
  }
  return nodes;
}

Finding judge_cluster_state(const std::vector<NodeView>& views) {
  Finding finding{.check = "cluster"};
  for (const NodeView& view : views) {
    const std::string state = view.cluster.text("cluster_state");
    if (state.empty()) continue;
    const std::string fact = "state " + state + ", " + view.cluster.text("cluster_slots_ok") +
                             " slots served, " + view.cluster.text("cluster_known_nodes") +
                             " nodes";
    if (finding.fact.empty()) finding.fact = fact;
    if (state == "ok") continue;
    finding.verdict = Verdict::Broken;
    finding.fact = view.node.text() + ": " + fact;
    finding.meaning = "runs cannot acquire locks there";
    finding.remedy = "find the failed nodes by CLUSTER NODES and redis-cli --cluster check";
    return finding;
  }
  if (!finding.fact.empty()) return finding;
  finding.verdict = Verdict::Note;
  finding.fact = "unknown: no node reports its state";
  finding.meaning = "some slots may not be served";
  finding.remedy = allow_queries;
  return finding;
}

Finding judge_nodes(const std::vector<NodeView>& views) {
  Finding finding{.check = "nodes"};
  std::string alone, strangers, faults;
  std::size_t answered = 0;
  const auto first = std::find_if(views.begin(), views.end(),
                                  [](const NodeView& view) { return !view.nodes.empty(); });
  for (const NodeView& view : views) {
    if (may_not_be_asked(view) || view.fault.empty()) ++answered;
    if (is_alone(view)) {
      alone += " " + view.node.text();
    } else if (!view.fault.empty() && !may_not_be_asked(view)) {
      faults += "; " + view.fault;
    } else if (first != views.end() && !view.id.empty()) {
      const bool known = std::any_of(first->nodes.begin(), first->nodes.end(),
                                     [&](const ClusterNode& node) { return node.id == view.id; });
      if (!known) strangers += " " + view.node.text();
    }
  }
  finding.fact = std::to_string(answered) + " of " + std::to_string(views.size()) +
                 " nodes in the URL answer" + faults;
  if (!alone.empty() || !strangers.empty()) {
    finding.verdict = Verdict::Broken;
    finding.fact += "; not in this Cluster:" + alone + strangers;
    finding.meaning = "two servers could keep the same lock, so two runs could hold it";
    finding.remedy = "list nodes of one Cluster only";
  } else if (answered < views.size()) {
    finding.verdict = answered == 0 ? Verdict::Broken : Verdict::Weak;
    finding.meaning = answered == 0 ? "runs cannot acquire locks"
                                    : "if more nodes fail, runs cannot acquire locks";
    finding.remedy = "start the nodes that are down, or correct the URL";
  } else if (first != views.end() && first->nodes.size() > 1 && views.size() == 1) {
    finding.verdict = Verdict::Note;
    finding.meaning = "if this node is down, a run does not find the others";
    finding.remedy = "list more nodes: redis+cluster://host,host,host";
  }
  return finding;
}

DeploymentCheck check_cluster(const RedisAddress& address, const redis::Access& access,
                              Duration ttl, const Budget& budget) {
  std::vector<NodeView> views;
  for (const Endpoint& endpoint : address.endpoints) views.push_back(ask(endpoint, access, budget));
  DeploymentCheck deployment;
  // The connection check already reports that, with the remedy.
  if (std::all_of(views.begin(), views.end(), is_alone)) return deployment;
  for (const NodeView& view : views) {
    for (const ClusterNode& node : view.nodes) {
      if (node.keeps_locks()) deployment.servers.push_back(node.endpoint);
    }
    if (!deployment.servers.empty()) break;
  }
  deployment.findings = {judge_cluster_state(views), judge_nodes(views)};
  const bool reached = std::any_of(views.begin(), views.end(), [](const NodeView& view) {
    return view.fault.empty() || may_not_be_asked(view);
  });
  if (reached) deployment.findings.push_back(time_of_failover(views, ttl));
  if (reached && deployment.servers.empty()) deployment.servers = address.endpoints;
  return deployment;
}

}  // namespace dlock::doctor
