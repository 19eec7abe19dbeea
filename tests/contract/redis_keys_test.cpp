// The keys that the scripts write, for locks with one holder and with several. They are checked in
// the server, because a lease or a tombstone that is too short shows its effect only later.
#include "contract/places.h"
#include "os/clock.h"
#include "store/inspector.h"
#include "store/lock_json.h"

#include <algorithm>

using namespace dlock;
using namespace dlock::test;
using namespace std::chrono_literals;

namespace {

Claim sharing_for(int run, Duration ttl) {
  Claim claim = sharing(claim_of(run));
  claim.terms = {ttl, 5min};
  return claim;
}

std::string liveness_of(const Claim& claim) { return "t:proc:" + claim.process.text; }

/// The liveness of the group that holds the lock.
std::string group_liveness(const RedisPlace& place) {
  const auto lock = parse_lock_json(place.server.ask("GET t:lock:backup"));
  REQUIRE(lock);
  return "t:proc:" + lock->process.text;
}

Duration life_of(const RedisPlace& place, const std::string& key) {
  return std::chrono::milliseconds{std::stoll(place.server.ask("PTTL " + key))};
}

void force(const RedisPlace& place) {
  const auto inspector = make_inspector({*parse_store_address(place.server.url()), "t:", true});
  auto answer = inspector->unlock(*LockKey::parse("backup"), by_force(), soon());
  REQUIRE(answer.ok());
  REQUIRE(std::holds_alternative<Forced>(*answer));
}

}  // namespace

TEST_CASE("a renewal shortens the lifetime of no other holder, nor of their group") {
  const RedisPlace place;
  const auto longer = place.open();
  const auto shorter = place.open();
  take(*longer, sharing_for(1, 60s));
  const Grant grant = take(*shorter, sharing_for(2, 2s));
  CHECK(is<Extended>([&] { return shorter->renew(sharing_for(2, 2s), grant, soon()); }));
  CHECK(life_of(place, group_liveness(place)) > 50s);
  CHECK(life_of(place, liveness_of(sharing_for(1, 60s))) > 50s);
  CHECK(life_of(place, liveness_of(sharing_for(2, 2s))) <= 2s);
}

TEST_CASE("a group lives as long as the holder that joins it") {
  const RedisPlace place;
  const auto first = place.open();
  const auto second = place.open();
  take(*first, sharing_for(1, 2s));
  take(*second, sharing_for(2, 60s));
  CHECK(life_of(place, group_liveness(place)) > 50s);
}

TEST_CASE(
    "a share in a group that has disappeared is lost, even if another run holds the lock now") {
  const RedisPlace place;
  const auto share = place.open();
  const auto alone = place.open();
  const Grant grant = take(*share, sharing_for(1, 60s));
  place.take_lock_away("backup");
  take(*alone, claim_of(2));
  CHECK(is<Lost>([&] { return share->renew(sharing_for(1, 60s), grant, soon()); }));
}

TEST_CASE("a share is not renewed if its liveness or that of its group has expired") {
  for (const bool of_the_group : {false, true}) {
    CAPTURE(of_the_group);
    const RedisPlace place;
    const auto store = place.open();
    const Claim claim = sharing_for(1, 60s);
    const Grant grant = take(*store, claim);
    const std::string liveness = of_the_group ? group_liveness(place) : liveness_of(claim);
    place.server.ask("DEL " + liveness);
    CHECK(is<Lost>([&] { return store->renew(claim, grant, soon()); }));
    CHECK(place.server.ask("EXISTS " + liveness) == "0");
  }
}

TEST_CASE("a retry adopts no share in a group that has disappeared") {
  const RedisPlace place;
  const auto store = place.open();
  take(*store, sharing_for(1, 60s));
  place.server.ask("DEL " + group_liveness(place));
  refused(*store, sharing_for(1, 60s));
}

TEST_CASE(
    "a retry adopts neither a lock that a forced unlock took nor its tombstone, alone or shared") {
  for (const Claim& claim : {claim_of(1), sharing(claim_of(1))}) {
    CAPTURE(claim.limit.most);
    const RedisPlace place;
    const auto store = place.open();
    const Grant first = take(*store, claim);
    force(place);
    auto again = store->acquire(claim, soon());
    REQUIRE(again.ok());
    REQUIRE(std::holds_alternative<Grant>(*again));
    const OwnerHash owner = std::get<Grant>(*again).owner;
    CHECK(owner != first.owner);
    CHECK(owner.text.find(claim.process.text) != std::string::npos);  // it is this run's own
  }
}

TEST_CASE("a tombstone stays as long as the lock of its holder would have stayed") {
  const RedisPlace place;
  const auto store = place.open();
  Claim claim = claim_of(1);
  claim.terms = {10s, 30s};
  take(*store, claim);
  force(place);
  CHECK(life_of(place, "t:lock:backup") > 29s);
}

TEST_CASE("a share that is kept after its job keeps its group") {
  const RedisPlace place;
  const auto store = place.open();
  take(*store, sharing_for(1, 2s));
  give_back(*store, sharing_for(1, 2s), {.keep = 60s});
  CHECK(life_of(place, group_liveness(place)) > 50s);
  CHECK(life_of(place, "t:lock:backup") > 50s);
  refused(*place.open(), claim_of(2));
}

TEST_CASE("a release that overlaps with a forced unlock keeps nothing in Redis either") {
  for (const Claim& claim : {claim_of(1), sharing(claim_of(1), {2})}) {
    CAPTURE(claim.limit.most);
    const RedisPlace place;
    const auto store = place.open();
    take(*store, claim);
    force(place);
    give_back(*store, claim, {.keep = 1h});
    take(*place.open(), claim_of(2));
  }
}

TEST_CASE("a dead waiter is not counted as ahead by the waiters behind it") {
  const RedisPlace place;
  const auto holder = place.open();
  take(*holder, claim_of(0));
  std::vector<std::unique_ptr<Store>> waiters;
  for (int run = 1; run <= 3; ++run) {
    waiters.push_back(place.open());
    CHECK(refused(*waiters.back(), waiting(claim_of(run))).place.ahead ==
          static_cast<std::size_t>(run) - 1);
  }
  place.server.ask("DEL " + liveness_of(claim_of(2)) + ":wait");
  CHECK(refused(*waiters[2], waiting(claim_of(3))).place.ahead == 1);
}

TEST_CASE("a waiter whose place has expired is passed, even if it is still subscribed") {
  const RedisPlace place;
  const auto holder = place.open();
  const auto stopped = place.open();
  const auto next = place.open();
  take(*holder, claim_of(1));
  refused(*stopped, waiting(claim_of(2)));
  refused(*next, waiting(claim_of(3)));
  place.server.ask("DEL " + liveness_of(claim_of(2)) + ":wait");
  give_back(*holder, claim_of(1));
  CHECK(time_to_turn(*next, waiting(claim_of(3))) < 300ms);
  take(*next, waiting(claim_of(3)));
}

TEST_CASE("a server grants locks once it has been up for the TTL and one second") {
  const RedisPlace place;
  const auto store = make_store({*parse_store_address(place.server.url()), "t:", false});
  Claim claim = claim_of(1);
  claim.terms = {60s, 5min};
  CHECK(is<RecentlyRestarted>([&] { return store->acquire(waiting(claim), soon()); }));
  auto answer = store->acquire(claim, soon());
  REQUIRE(answer.ok());
  REQUIRE(std::holds_alternative<RecentlyRestarted>(*answer));
  const std::string info = place.server.ask("INFO server");
  const auto at = info.find("uptime_in_seconds:");
  REQUIRE(at != info.npos);
  const std::chrono::seconds uptime{std::stoll(info.substr(at + 18))};
  CHECK(std::get<RecentlyRestarted>(*answer).wait >= 61s - uptime);
  CHECK(std::get<RecentlyRestarted>(*answer).wait <= 61s);
}

TEST_CASE("a lease is counted from the sending of its request, however late the reply") {
  const RedisPlace place;
  const auto store = place.open();
  const Grant known = take(*store, claim_of(1));  // opens the connection and makes the server
  CHECK(
      is<Extended>([&] { return store->renew(claim_of(1), known, soon()); }));  // cache the scripts
  give_back(*store, claim_of(1));
  const LeaseTerms terms{20s, 5min};  // a request can take 2 s
  Claim claim = claim_of(2);
  claim.terms = terms;
  Grant grant;
  for (const bool renewal : {false, true}) {
    CAPTURE(renewal);
    place.server.ask("CLIENT PAUSE 400 ALL");
    const Instant before = BootClock::now();
    Instant stop_by;
    if (renewal) {
      auto answer = store->renew(claim, grant, soon());
      REQUIRE(answer.ok());
      REQUIRE(std::holds_alternative<Extended>(*answer));
      stop_by = std::get<Extended>(*answer).stop_by;
    } else {
      grant = take(*store, claim);
      stop_by = grant.stop_by;
    }
    const Instant after = BootClock::now();
    REQUIRE(after - before > 300ms);
    CHECK(stop_by >= terms.stop_by(before));
    CHECK(stop_by < terms.stop_by(before + 200ms));
  }
}

TEST_CASE("a retry adopts its own share as a share and renews it") {
  const RedisPlace place;
  const auto store = place.open();
  take(*store, sharing_for(1, 60s));
  const auto retry = place.open();
  const Grant grant = take(*retry, sharing_for(1, 60s));
  CHECK(is<Extended>([&] { return retry->renew(sharing_for(1, 60s), grant, soon()); }));
}

TEST_CASE("a retry adopts no lock that another run holds, even if its own liveness exists") {
  const RedisPlace place;
  const auto store = place.open();
  take(*store, claim_of(1));
  place.take_lock_away("backup");
  take(*place.open(), claim_of(2));
  CHECK(refused(*store, claim_of(1)).holder.pid == 102);
}

TEST_CASE(
    "a holder that joins with a longer lifetime extends that of the lock and of the holders list") {
  const RedisPlace place;
  Claim shorter = sharing_for(1, 2s);
  shorter.terms = {2s, 10s};
  take(*place.open(), shorter);
  take(*place.open(), sharing_for(2, 2s));
  CHECK(life_of(place, "t:lock:backup") > 250s);
  CHECK(life_of(place, "t:holders:{t:lock:backup}") > 250s);
}

TEST_CASE("a holder whose liveness is about to expire keeps its place until then") {
  const RedisPlace place;
  const Limit two{2};
  const auto left_after_the_answer = [&] {
    place.server.ask("FLUSHALL");
    take(*place.open(), sharing(claim_of(1), two));
    take(*place.open(), sharing(claim_of(2), two));
    place.server.ask("PEXPIRE " + liveness_of(claim_of(1)) + " 250");
    const bool held =
        is<Held>([&] { return place.open()->acquire(sharing(claim_of(3), two), soon()); });
    const bool lives = place.server.ask("EXISTS " + liveness_of(claim_of(1))) == "1";
    CHECK((held || !lives));
    return lives;
  };
  repeat_until(left_after_the_answer);
}

TEST_CASE("any number of readers share a lock, even more than the highest limit") {
  const RedisPlace place;
  const auto store = place.open();
  take(*store, sharing_for(1, 60s));
  const std::string fill =
      "for i = 1, 10001 do"
      " redis.call('HSET', KEYS[1], 'host/9.' .. i,"
      " '{\"ownerHash\":\"backup@host/9.' .. i .. '.1\",\"processHash\":\"host/9.' .. i .. "
      "'\",\"limit\":0}')"
      " redis.call('SET', 't:proc:host/9.' .. i, '{}', 'PX', 60000) end return 'filled'";
  REQUIRE(place.server.ask({"EVAL", fill, "1", "t:holders:{t:lock:backup}"}) == "filled");
  take(*place.open(), sharing_for(2, 60s));
  CHECK(refused(*place.open(), sharing(claim_of(3), {10'000})).holders == 10'003);
}

TEST_CASE(
    "a waiter that was removed from the queue for not receiving its message subscribes again") {
  const RedisPlace place;
  const auto waiter = place.open();
  take(*place.open(), claim_of(1));
  refused(*waiter, waiting(claim_of(2)));
  const auto who_listens = [&] {
    const std::string clients = place.server.ask("CLIENT LIST TYPE pubsub");
    return clients.substr(0, clients.find(' '));  // id=7
  };
  const std::string deaf = who_listens();
  REQUIRE(deaf.starts_with("id="));
  refused(*waiter, waiting(claim_of(2)));
  CHECK(who_listens() == deaf);
  place.server.ask("ZREM t:queue:{t:lock:backup} " + claim_of(2).process.text);
  refused(*waiter, waiting(claim_of(2)));
  CHECK(who_listens() != deaf);
  CHECK(place.server.ask("ZCARD t:queue:{t:lock:backup}") == "1");
}
