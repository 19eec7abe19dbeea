// What the Redis store promises beyond the contract: leases that expire, and lost replies.
#include "contract/redis_process.h"
#include "core/lease.h"
#include "os/clock.h"
#include "store/open.h"

#include <doctest/doctest.h>

#include <thread>

using namespace dlock;
using namespace std::chrono_literals;

namespace {

CallDeadline soon() { return {BootClock::now() + 5s}; }

Claim claim_of(int run) {
  return {.key = *LockKey::parse("k"),
          .terms = {2s, 10s},
          .process = make_process_hash("h", run, 7),
          .host = "h",
          .pid = run,
          .user = {},
          .command = {},
          .trace = {},
          .note = {}};
}

std::unique_ptr<Store> open(const test::RedisProcess& server, bool trust_restart = true,
                            bool revive_lapsed = false) {
  return make_store({*parse_store_address(server.url()), "t:", trust_restart, revive_lapsed});
}

}  // namespace

TEST_CASE("the other process of a run releases the lock of its dead process, alone or shared") {
  const test::RedisProcess server;
  for (const Limit limit : {Limit{}, Limit::shared(), Limit{2}}) {
    Claim claim = claim_of(1);
    Claim next = claim_of(2);
    claim.limit = limit;
    REQUIRE(std::holds_alternative<Grant>(*open(server)->acquire(claim, soon())));
    CHECK(std::holds_alternative<Released>(*open(server)->release(claim, {}, soon())));
    CHECK(std::holds_alternative<Grant>(*open(server)->acquire(next, soon())));
    CHECK(std::holds_alternative<Lost>(*open(server)->release(claim, {}, soon())));
    CHECK(std::holds_alternative<Released>(*open(server)->release(next, {}, soon())));
  }
}

TEST_CASE("a second release for one run does not change a lock that is kept for --min-hold") {
  const test::RedisProcess server;
  REQUIRE(std::holds_alternative<Grant>(*open(server)->acquire(claim_of(1), soon())));
  CHECK(
      std::holds_alternative<Released>(*open(server)->release(claim_of(1), {.keep = 9s}, soon())));
  const std::string kept = server.ask("GET t:lock:k");
  CHECK(
      std::holds_alternative<Released>(*open(server)->release(claim_of(1), {.keep = 9s}, soon())));
  CHECK(server.ask("GET t:lock:k") == kept);
}

TEST_CASE("the other process of a run removes its dead process from the queue") {
  const test::RedisProcess server;
  const auto holder = open(server);
  const auto dead = open(server);
  const auto behind = open(server);
  const auto waiting = [](int run) {
    Claim claim = claim_of(run);
    claim.waits = true;
    return claim;
  };
  REQUIRE(std::holds_alternative<Grant>(*holder->acquire(claim_of(1), soon())));
  CHECK(std::holds_alternative<Held>(*dead->acquire(waiting(2), soon())));
  CHECK(std::holds_alternative<Held>(*behind->acquire(waiting(3), soon())));
  REQUIRE(holder->release(claim_of(1), {}, soon()).ok());
  CHECK(std::holds_alternative<Held>(*behind->acquire(waiting(3), soon())));
  open(server)->leave_queue(waiting(2), soon());
  CHECK(std::holds_alternative<Grant>(*behind->acquire(waiting(3), soon())));
}

TEST_CASE("a holder without a liveness is taken over, and a holder with one is not") {
  const test::RedisProcess server;
  const auto dead = open(server);
  const auto heir = open(server);
  auto grant = dead->acquire(claim_of(1), soon());
  REQUIRE(grant.ok());
  CHECK(std::holds_alternative<Held>(*heir->acquire(claim_of(2), soon())));
  server.ask("DEL t:proc:h/1.7");
  CHECK(std::holds_alternative<Grant>(*heir->acquire(claim_of(2), soon())));
  CHECK(std::holds_alternative<Lost>(*dead->renew(claim_of(1), std::get<Grant>(*grant), soon())));
}

TEST_CASE("a renewal never recreates a liveness that has expired") {
  const test::RedisProcess server;
  const auto store = open(server);
  auto grant = store->acquire(claim_of(1), soon());
  server.ask("DEL t:proc:h/1.7");
  CHECK(std::holds_alternative<Lost>(*store->renew(claim_of(1), std::get<Grant>(*grant), soon())));
  CHECK(server.ask("EXISTS t:proc:h/1.7") == "0");
}

TEST_CASE("with --on-silence=continue an expired liveness is recreated, but never a deleted lock") {
  const test::RedisProcess server;
  const auto store = open(server, true, /*revive_lapsed=*/true);
  auto grant = store->acquire(claim_of(1), soon());
  server.ask("DEL t:proc:h/1.7");
  CHECK(std::holds_alternative<Extended>(
      *store->renew(claim_of(1), std::get<Grant>(*grant), soon())));
  CHECK(server.ask("EXISTS t:proc:h/1.7") == "1");
  server.ask("DEL t:lock:k");
  CHECK(std::holds_alternative<Lost>(*store->renew(claim_of(1), std::get<Grant>(*grant), soon())));
  CHECK(server.ask("EXISTS t:lock:k") == "0");
}

TEST_CASE("a retry after a lost reply adopts its own lock under the hash that is stored") {
  const test::RedisProcess server;
  const auto store = open(server);
  auto first = store->acquire(claim_of(1), soon());
  auto again = store->acquire(claim_of(1), soon());
  REQUIRE(std::holds_alternative<Grant>(*again));
  CHECK(std::get<Grant>(*again).owner == std::get<Grant>(*first).owner);
  CHECK(std::get<Grant>(*again).token == std::get<Grant>(*first).token);
}

TEST_CASE("a retry after its own lock has expired creates it under a fresh hash") {
  // A peer that read the first hash and found it dead can delete that hash at any later time.
  const test::RedisProcess server;
  const auto store = open(server);
  auto first = store->acquire(claim_of(1), soon());
  server.ask("DEL t:proc:h/1.7");
  auto again = store->acquire(claim_of(1), soon());
  REQUIRE(std::holds_alternative<Grant>(*again));
  CHECK(std::get<Grant>(*again).owner != std::get<Grant>(*first).owner);
}

TEST_CASE("the fencing token rises even if its counter was deleted, and keeps all its digits") {
  const test::RedisProcess server;
  const auto store = open(server);
  auto first = store->acquire(claim_of(1), soon());
  REQUIRE(store->release(claim_of(1), {}, soon()).ok());
  const std::string counter = server.ask("GET t:fence:{t:lock:k}");
  CHECK(counter == std::to_string(std::get<Grant>(*first).token.value));
  CHECK(counter.size() == 16);
  server.ask("DEL t:fence:{t:lock:k}");
  auto second = store->acquire(claim_of(2), soon());
  CHECK(std::get<Grant>(*second).token > std::get<Grant>(*first).token);

  REQUIRE(store->release(claim_of(2), {}, soon()).ok());
  server.ask(
      "SET t:fence:{t:lock:k} 4000000000000000");  // written by a machine whose clock was ahead
  auto third = store->acquire(claim_of(3), soon());
  CHECK(std::get<Grant>(*third).token.value == 4000000000000001);
}

TEST_CASE("a Redis that is out of memory still renews and releases, and refuses only new locks") {
  const test::RedisProcess server;
  const auto store = open(server);
  auto grant = store->acquire(claim_of(1), soon());
  server.ask("CONFIG SET maxmemory 1");
  auto renewed = store->renew(claim_of(1), std::get<Grant>(*grant), soon());
  REQUIRE(renewed.ok());
  CHECK(std::holds_alternative<Extended>(*renewed));
  auto released = store->release(claim_of(1), {}, soon());
  REQUIRE(released.ok());
  CHECK(std::holds_alternative<Released>(*released));
  const auto refused = store->acquire(claim_of(2), soon());
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().sentence.find("out of memory") != std::string::npos);
  CHECK(server.ask("EXISTS t:lock:k") == "0");
}

TEST_CASE(
    "a server that started less than a TTL ago grants no lock, and the time left is reported") {
  const test::RedisProcess server;
  const auto store = open(server, /*trust_restart=*/false);
  auto answer = store->acquire(claim_of(1), soon());
  REQUIRE(answer.ok());
  REQUIRE(std::holds_alternative<RecentlyRestarted>(*answer));
  CHECK(std::get<RecentlyRestarted>(*answer).wait > 0s);
  CHECK(std::get<RecentlyRestarted>(*answer).wait <= 3s);
  CHECK(server.ask("EXISTS t:lock:k") == "0");
  while (!std::holds_alternative<Grant>(*store->acquire(claim_of(1), soon())))
    std::this_thread::sleep_for(50ms);
  const std::string info = server.ask("INFO server");
  CHECK(std::stoi(info.substr(info.find("uptime_in_seconds:") + 18)) >= 3);
}

TEST_CASE(
    "a key that is not a lock is left unchanged: an error before the start, a loss while held") {
  const test::RedisProcess server;
  const auto store = open(server);
  server.ask("SET t:lock:k hello");
  auto refused = store->acquire(claim_of(1), soon());
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().exit_code == ExitCode::Configuration);
  CHECK(server.ask("GET t:lock:k") == "hello");

  server.ask("DEL t:lock:k");
  auto grant = store->acquire(claim_of(1), soon());
  REQUIRE(grant.ok());
  server.ask("SET t:lock:k hello");
  CHECK(std::holds_alternative<Lost>(*store->renew(claim_of(1), std::get<Grant>(*grant), soon())));
  server.ask("DEL t:lock:k");
  server.ask("RPUSH t:lock:k hello");
  CHECK(std::holds_alternative<Lost>(*store->renew(claim_of(1), std::get<Grant>(*grant), soon())));
  auto wrong_type = store->acquire(claim_of(1), soon());
  REQUIRE_FALSE(wrong_type.ok());
  CHECK(wrong_type.error().exit_code == ExitCode::Configuration);
}

TEST_CASE("an empty value is not a lock, as for the Node library") {
  const test::RedisProcess server;
  const auto store = open(server);
  server.ask("EVAL redis.call('SET','t:lock:k','') 0");
  CHECK(std::holds_alternative<Grant>(*store->acquire(claim_of(1), soon())));
}
