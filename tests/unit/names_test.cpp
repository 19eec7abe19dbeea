// The addresses of a server: from its name, and from earlier connections.
#include "redis/lookup.h"
#include "redis/server_addresses.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <net/if.h>
#include <netinet/in.h>

using namespace dlock;
using namespace dlock::redis;

namespace {

using Names = std::vector<std::string>;

SocketAddress at(const char* host) { return *numeric_address(host, 6379); }

std::vector<SocketAddress> addresses(std::initializer_list<const char*> hosts) {
  std::vector<SocketAddress> list;
  for (const char* host : hosts) list.push_back(at(host));
  return list;
}

}  // namespace

TEST_CASE(
    "a name with few dots is first tried with the search list, one with many is first tried as it "
    "is") {
  const Names search{"a.test", "b.test"};
  CHECK(full_names("redis", search, 1) == Names{"redis.a.test", "redis.b.test", "redis"});
  CHECK(full_names("redis.db", search, 1) ==
        Names{"redis.db", "redis.db.a.test", "redis.db.b.test"});
  CHECK(full_names("redis.db", search, 5) ==
        Names{"redis.db.a.test", "redis.db.b.test", "redis.db"});
  CHECK(full_names("redis", search, 0) == Names{"redis", "redis.a.test", "redis.b.test"});
}

TEST_CASE("a name with a final dot, or without a search list, is tried only as it is") {
  CHECK(full_names("redis.", {"a.test"}, 1) == Names{"redis."});
  CHECK(full_names("redis", {}, 1) == Names{"redis"});
  CHECK(full_names("redis", {".", ""}, 1) == Names{"redis"});
}

TEST_CASE("an address in any form that the C library accepts is not looked up as a name") {
  for (const char* host : {"127.0.0.1", "127.1", "0x7f000001", "::1", "::ffff:10.0.0.1"}) {
    CAPTURE(host);
    CHECK(numeric_address(host, 6379));
  }
  CHECK(at("127.1") == at("127.0.0.1"));
  for (const char* host : {"localhost", "redis.test", "::1::", "1.2.3.4.5", "256.0.0.1", "",
                           "fe80::1%no-such-interface", "fe80::1%"}) {
    CAPTURE(host);
    CHECK_FALSE(numeric_address(host, 6379));
  }
}

TEST_CASE("the zone of an address is the name or the number of an interface") {
  const unsigned loopback = ::if_nametoindex("lo");
  REQUIRE(loopback != 0);
  const auto scope_of = [](const SocketAddress& address) {
    return reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_scope_id;
  };
  CHECK(scope_of(at("fe80::1%lo")) == loopback);
  CHECK(scope_of(at("fe80::1%7")) == 7);
  CHECK(scope_of(at("fe80::1")) == 0);
}

TEST_CASE("the address that answered last is tried first, and those that failed are tried last") {
  ServerAddresses where{Endpoint{.host = "redis.test"}};
  CHECK(where.in_order().empty());
  where.name(addresses({"10.0.0.1", "10.0.0.2", "10.0.0.3"}));
  where.note_answer(at("10.0.0.2"));
  CHECK(where.in_order() == addresses({"10.0.0.2", "10.0.0.1", "10.0.0.3"}));
  where.note_failure(at("10.0.0.2"));
  CHECK(where.in_order() == addresses({"10.0.0.1", "10.0.0.3", "10.0.0.2"}));
  where.note_failure(at("10.0.0.1"));
  CHECK(where.in_order() == addresses({"10.0.0.3", "10.0.0.2", "10.0.0.1"}));
  where.note_answer(at("10.0.0.1"));
  CHECK(where.in_order() == addresses({"10.0.0.1", "10.0.0.3", "10.0.0.2"}));
}

TEST_CASE("an address that is no longer in the answer for the name is forgotten") {
  ServerAddresses where{Endpoint{.host = "redis.test"}};
  where.name(addresses({"10.0.0.1", "10.0.0.2"}));
  where.note_answer(at("10.0.0.1"));
  where.note_failure(at("10.0.0.2"));
  where.name(addresses({"10.0.0.3"}));
  CHECK(where.in_order() == addresses({"10.0.0.3"}));
  where.name(addresses({"10.0.0.3", "10.0.0.2"}));
  CHECK_FALSE(where.has_failed(at("10.0.0.2")));
}

TEST_CASE("all connections to a server share what is known about its addresses") {
  AddressBook book;
  CHECK(book.of({.host = "redis.test"}) == book.of({.host = "redis.test"}));
  CHECK(book.of({.host = "redis.test"}) != book.of({.host = "redis.test", .port = 7000}));
  CHECK(book.of({.host = "127.0.0.1"})->need_no_lookup());
  CHECK_FALSE(book.of({.host = "redis.test"})->need_no_lookup());
}

TEST_CASE("localhost is this machine, whatever the name servers answer") {
  for (const char* name : {"localhost", "LocalHost.", "redis.localhost"}) {
    CAPTURE(name);
    Lookup lookup{name, 6379};
    CHECK(lookup.finished());
    const auto found = lookup.found();
    CHECK(std::find(found.begin(), found.end(), at("127.0.0.1")) != found.end());
    CHECK_FALSE(lookup.asked_name_servers());
  }
}
