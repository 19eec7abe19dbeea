// The redirections of the nodes of a Cluster, and their lists of nodes.
#include "redis/cluster_slots.h"

#include <doctest/doctest.h>

using namespace dlock;
using namespace dlock::redis;

namespace {

const Endpoint asked{.host = "10.0.0.1", .port = 7000};

Reply error(const std::string& text) { return {.type = Reply::Type::Error, .text = text}; }

Reply node(const std::string& host, long long port) {
  return {.type = Reply::Type::Array,
          .items = {{.type = Reply::Type::Text, .text = host},
                    {.type = Reply::Type::Integer, .integer = port}}};
}

Reply slots(std::vector<Reply> nodes) {
  nodes.insert(nodes.begin(), 2, {.type = Reply::Type::Integer});
  return {.type = Reply::Type::Array,
          .items = {{.type = Reply::Type::Array, .items = std::move(nodes)}}};
}

}  // namespace

TEST_CASE("MOVED redirects permanently and ASK once, and either can leave out the host") {
  const auto moved = redirection_in(error("MOVED 3999 10.0.0.2:7001"), asked);
  REQUIRE(moved);
  CHECK(moved->for_good);
  CHECK(moved->to == Endpoint{.host = "10.0.0.2", .port = 7001});
  const auto ask = redirection_in(error("ASK 3999 :7001"), asked);
  REQUIRE(ask);
  CHECK_FALSE(ask->for_good);
  CHECK(ask->to == Endpoint{.host = "10.0.0.1", .port = 7001});
  CHECK(redirection_in(error("MOVED 1 ::1:7001"), asked)->to.host == "::1");
}

TEST_CASE("a reply that names no node is not a redirection") {
  for (const char* text : {"MOVED 3999", "MOVED 3999 host", "ASK 1 host:0", "MOVED 1 host:65536",
                           "MOVED 1 host:x", "MOVEDx", "TRYAGAIN x"}) {
    CAPTURE(text);
    CHECK_FALSE(redirection_in(error(text), asked).has_value());
  }
  CHECK_FALSE(
      redirection_in({.type = Reply::Type::Text, .text = "MOVED 1 a:1"}, asked).has_value());
}

TEST_CASE("CLUSTER SLOTS lists the nodes of each range, the master first") {
  const auto ranges = nodes_in(slots({node("", 7000), node("10.0.0.2", 7001)}), asked);
  REQUIRE(ranges.size() == 1);
  CHECK(ranges[0] == std::vector{asked, Endpoint{.host = "10.0.0.2", .port = 7001}});
}

TEST_CASE("a node without a port is ignored, and a replica does not replace the master") {
  CHECK(nodes_in(slots({node("10.0.0.1", 0), node("10.0.0.2", 7001)}), asked).empty());
  CHECK(nodes_in(slots({node("10.0.0.1", 4294974296)}), asked).empty());
  CHECK(nodes_in(slots({node("10.0.0.1", 7000), node("b", -1)}), asked)[0].size() == 1);
  CHECK(nodes_in(slots({}), asked).empty());
  CHECK(nodes_in(error("ERR"), asked).empty());
}
