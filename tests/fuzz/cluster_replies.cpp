// What the nodes of a Cluster report about each other: redirections, CLUSTER SLOTS, and CLUSTER
// NODES for dlock doctor.
#include "doctor/cluster_checks.h"
#include "fuzz/property.h"
#include "redis/cluster_slots.h"

using namespace dlock;
using namespace dlock::redis;

namespace {

void check(const Endpoint& node, int least_port) {
  fuzz::require(!node.host.empty(), "a node has a host");
  fuzz::require(node.port >= least_port && node.port <= 65535, "a port is valid");
}

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  const Endpoint asked{.host = "asked", .port = 7000};

  ReplyReader reader;
  reader.feed(bytes.data(), bytes.size());
  for (;;) {
    const auto reply = reader.next();
    if (!reply || !*reply) break;
    if (const auto redirection = redirection_in(**reply, asked)) {
      check(redirection->to, 1);
      fuzz::require((*reply)->text.starts_with(redirection->for_good ? "MOVED " : "ASK "),
                    "MOVED is not parsed as ASK");
    }
    for (const auto& nodes : nodes_in(**reply, asked)) {
      fuzz::require(!nodes.empty(), "a range of slots has a master");
      for (const Endpoint& node : nodes) check(node, 1);
    }
  }

  std::vector<doctor::NodeView> views{{.node = asked}, {.node = asked}};
  for (doctor::NodeView& view : views) {
    view.nodes = doctor::parse_cluster_nodes(bytes, asked);
    view.cluster = doctor::ServerInfo::parse(bytes);
  }
  for (const doctor::ClusterNode& node : views[0].nodes) {
    fuzz::require(!node.id.empty() && !node.flags.empty(), "a node has an id and flags");
    fuzz::require(!node.keeps_locks() || node.has_slots, "a node that holds locks has slots");
    if (node.keeps_locks()) check(node.endpoint, 1);
    views[1].id = node.id;
  }
  for (const doctor::Finding& finding :
       {doctor::judge_cluster_state(views), doctor::judge_nodes(views)}) {
    fuzz::require(!finding.fact.empty(), "a finding has a fact");
    fuzz::require(finding.verdict == doctor::Verdict::Good || !finding.meaning.empty(),
                  "a finding that is not ok has a meaning");
  }
  return 0;
}
