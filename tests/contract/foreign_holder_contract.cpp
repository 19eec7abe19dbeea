// What the Redis store promises while a process of the Node library holds the lock. The slot of its
// liveness can be on any node of a Cluster.
#include "contract/places.h"
#include "os/clock.h"
#include "store/redis/lock_keys.h"

using namespace dlock;
using namespace dlock::test;
using namespace std::chrono_literals;

namespace {

struct ClusterPlace {
  std::unique_ptr<Store> open() const {
    return make_store({*parse_store_address(server.url()), "t:", true});
  }
  test::RedisProcess server{test::RedisProcess::Kind::Cluster};
};

const ProcessHash foreign{"web1/11.22"};

template <class Place>
void let_foreign_hold(const Place& place, const Claim& claim) {
  const std::string key = claim.key.bytes();
  place.server.ask("SET t:lock:" + key + R"( {"ownerHash":")" + key + "@" + foreign.text +
                   R"(.0","processHash":")" + foreign.text +
                   R"(","acquiredAt":"2026-01-01T00:00:00.000Z"})");
  place.server.ask("SET t:proc:" + foreign.text + " {} PX 60000");
}

/// Each kind of request, on its own key.
std::vector<Claim> all_claims() {
  std::vector<Claim> claims;
  for (const bool waits : {false, true}) {
    for (const Limit limit : {Limit{}, Limit{3}, Limit::shared()}) {
      for (const bool once : {false, true}) {
        const int number = static_cast<int>(claims.size());
        Claim claim = sharing(claim_of(number, "k" + std::to_string(number)), limit);
        claim.waits = waits;
        if (once) claim.once = OncePer{24h, false};
        claims.push_back(claim);
      }
    }
  }
  return claims;
}

/// As a run makes it: its liveness is in the slot of its lock.
template <class Place>
Claim at_home(const Place& place, Claim claim) {
  const StoreOptions options{*parse_store_address(place.server.url()), "t:", true};
  claim.process = at_home_in(options, claim.key, claim.process);
  return claim;
}

}  // namespace

TEST_CASE_TEMPLATE(
    "a live foreign holder keeps its lock however often it is checked, and a dead one is replaced",
    Place, RedisPlace, ClusterPlace) {
  const Place place;
  for (const Claim& plain : all_claims()) {
    const Claim claim = at_home(place, plain);
    CAPTURE(claim.key.bytes());
    REQUIRE_FALSE(redis::LockKeys{"t:", claim.key}.in_our_slot("t:proc:" + foreign.text));
    let_foreign_hold(place, claim);
    const auto store = place.open();
    for (int question = 0; question < 3; ++question) {
      const Held held = refused(*store, claim);
      CHECK(held.holder.process == foreign);
      CHECK(held.place.holder_ends_in > 50s);
    }
    place.server.ask("DEL t:proc:" + foreign.text);
    take(*store, claim);
    give_back(*store, claim);
  }
}

TEST_CASE_TEMPLATE("a foreign holder that acquires the lock after an earlier one is told apart",
                   Place, RedisPlace, ClusterPlace) {
  const Place place;
  const Claim claim = at_home(place, waiting(claim_of(1)));
  const auto store = place.open();
  let_foreign_hold(place, claim);
  refused(*store, claim);
  // It releases the lock, a run of dlock holds it meanwhile, and then it acquires the lock again.
  const auto other = place.open();
  const Claim ours = at_home(place, claim_of(2));
  place.server.ask("DEL t:lock:" + claim.key.bytes());
  refused(*other, ours);  // the waiter comes first
  take(*store, claim);
  give_back(*store, claim);
  take(*other, ours);
  CHECK(refused(*store, claim).holder.pid == 102);
  let_foreign_hold(place, claim);
  for (int question = 0; question < 2; ++question)
    CHECK(refused(*store, claim).holder.process == foreign);
}

TEST_CASE_TEMPLATE("the death of one foreign holder does not free the lock of the next one", Place,
                   RedisPlace, ClusterPlace) {
  const Place place;
  const Claim claim = at_home(place, claim_of(1));
  const auto store = place.open();
  let_foreign_hold(place, claim);
  refused(*store, claim);
  place.server.ask("DEL t:proc:" + foreign.text);
  const ProcessHash next{"web2/12.34"};
  const std::string key = claim.key.bytes();
  place.server.ask("SET t:lock:" + key + R"( {"ownerHash":")" + key + "@" + next.text +
                   R"(.0","processHash":")" + next.text + R"("})");
  place.server.ask("SET t:proc:" + next.text + " {} PX 60000");
  CHECK(refused(*store, claim).holder.process == next);
}

TEST_CASE_TEMPLATE("a foreign holder lives until its liveness expires, however little time is left",
                   Place, RedisPlace, ClusterPlace) {
  const Place place;
  const Claim claim = at_home(place, claim_of(1));
  const auto store = place.open();
  let_foreign_hold(place, claim);
  place.server.ask("SET t:proc:" + foreign.text + " {}");  // without an expiry
  CHECK(refused(*store, claim).holder.process == foreign);
  const auto lived = [&] {
    place.server.ask("SET t:proc:" + foreign.text + " {} PX 300");
    const bool held = is<Held>([&] { return store->acquire(claim, soon()); });
    const bool lives = place.server.ask("EXISTS t:proc:" + foreign.text) == "1";
    CHECK((held || !lives));
    if (!held) let_foreign_hold(place, claim);
    return lives;
  };
  repeat_until(lived);
}

TEST_CASE("a foreign holder that was found dead is checked again before the next attempt") {
  const ClusterPlace place;
  const auto store = make_store({*parse_store_address(place.server.url()), "t:", false});
  Claim claim = at_home(place, claim_of(1));
  claim.terms = {10min, 10min};
  let_foreign_hold(place, claim);
  place.server.ask("DEL t:proc:" + foreign.text);
  // The server started too recently to grant the lock, and meanwhile the holder is back.
  CHECK(is<RecentlyRestarted>([&] { return store->acquire(claim, soon()); }));
  place.server.ask("SET t:proc:" + foreign.text + " {} PX 60000");
  claim.terms = {100ms, 10min};
  for (const Instant until = BootClock::now() + 20s; BootClock::now() < until;) {
    auto answer = store->acquire(claim, soon());
    REQUIRE(answer.ok());
    if (std::holds_alternative<RecentlyRestarted>(*answer)) continue;
    REQUIRE(std::holds_alternative<Held>(*answer));
    CHECK(std::get<Held>(*answer).holder.process == foreign);
    return;
  }
  FAIL("the server does not grow old");
}
