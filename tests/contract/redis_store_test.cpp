// What a Redis promises beyond the contract: leases that expire, and lost replies.
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

TEST_CASE("another process of a run that died gives its lock back, alone or shared") {
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

TEST_CASE("a lock that is given back twice for one run, with a minimum hold, is kept as it was") {
  const test::RedisProcess server;
  REQUIRE(std::holds_alternative<Grant>(*open(server)->acquire(claim_of(1), soon())));
  CHECK(
      std::holds_alternative<Released>(*open(server)->release(claim_of(1), {.keep = 9s}, soon())));
  const std::string kept = server.ask("GET t:lock:k");
  CHECK(
      std::holds_alternative<Released>(*open(server)->release(claim_of(1), {.keep = 9s}, soon())));
  CHECK(server.ask("GET t:lock:k") == kept);
}

TEST_CASE("another process of a run that died takes it out of the queue") {
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

TEST_CASE("a holder whose liveness is gone is taken over, and one whose liveness stands is not") {
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

TEST_CASE("a renewal never brings back a liveness that has lapsed") {
  const test::RedisProcess server;
  const auto store = open(server);
  auto grant = store->acquire(claim_of(1), soon());
  server.ask("DEL t:proc:h/1.7");
  CHECK(std::holds_alternative<Lost>(*store->renew(claim_of(1), std::get<Grant>(*grant), soon())));
  CHECK(server.ask("EXISTS t:proc:h/1.7") == "0");
}

TEST_CASE(
    "with --on-silence=continue a lapsed liveness is revived, but never a lock that is gone") {
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

TEST_CASE("a retry after its own lock has lapsed creates it under a fresh hash") {
  // A peer that saw the first hash and judged it dead may delete that hash at any later time.
  const test::RedisProcess server;
  const auto store = open(server);
  auto first = store->acquire(claim_of(1), soon());
  server.ask("DEL t:proc:h/1.7");
  auto again = store->acquire(claim_of(1), soon());
  REQUIRE(std::holds_alternative<Grant>(*again));
  CHECK(std::get<Grant>(*again).owner != std::get<Grant>(*first).owner);
}

TEST_CASE("the token goes up also when its counter was lost, and keeps all its digits") {
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
  server.ask("SET t:fence:{t:lock:k} 4000000000000000");  // a clock that was ahead
  auto third = store->acquire(claim_of(3), soon());
  CHECK(std::get<Grant>(*third).token.value == 4000000000000001);
}

TEST_CASE("a Redis without memory renews and releases, and refuses only new locks") {
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
    "nothing is created on a server that came up less than a TTL ago, and the time left is told") {
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

TEST_CASE("a key that is not a lock is left alone: before the start an error, while held a loss") {
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

TEST_CASE("an empty value is no lock, as for the Node library") {
  const test::RedisProcess server;
  const auto store = open(server);
  server.ask("EVAL redis.call('SET','t:lock:k','') 0");
  CHECK(std::holds_alternative<Grant>(*store->acquire(claim_of(1), soon())));
}
