// The lifetimes of the keys in Redis, and which keys are deleted when they are not needed: with a
// lifetime that is too short two jobs can run, with one that is too long others wait for a dead
// holder.
#include "contract/places.h"
#include "core/iso_time.h"
#include "os/clock.h"
#include "store/inspector.h"
#include "store/lock_json.h"
#include "store/redis/scripts.h"

using namespace dlock;
using namespace dlock::test;
using namespace std::chrono_literals;

namespace {

const std::string lock = "t:lock:backup";
const std::string holders = "t:holders:{t:lock:backup}";
const std::string queue = "t:queue:{t:lock:backup}";
const std::string past_run = "t:done:{t:lock:backup}";

Claim with_lives(Claim claim, Duration ttl, Duration lock_ttl) {
  claim.terms = {ttl, lock_ttl};
  return claim;
}

std::string liveness_of(const Claim& claim) { return "t:proc:" + claim.process.text; }

Duration life_of(const RedisPlace& place, const std::string& key) {
  return std::chrono::milliseconds{std::stoll(place.server.ask("PTTL " + key))};
}

bool exists(const RedisPlace& place, const std::string& key) {
  return place.server.ask("EXISTS " + key) == "1";
}

std::string group_liveness(const RedisPlace& place) {
  const auto value = parse_lock_json(place.server.ask("GET " + lock));
  REQUIRE(value);
  return "t:proc:" + value->process.text;
}

std::unique_ptr<Inspector> inspector_of(const RedisPlace& place) {
  return make_inspector({*parse_store_address(place.server.url()), "t:", true});
}

Unlocker without_force() {
  Unlocker by = by_force();
  by.by_force = false;
  return by;
}

}  // namespace

TEST_CASE("a renewal extends lock and liveness by their own lifetimes and records its time") {
  const RedisPlace place;
  const auto store = place.open();
  const Claim claim = with_lives(claim_of(1), 20s, 60s);
  const Grant grant = take(*store, claim);
  const std::string before = place.server.ask("GET " + lock);
  for (const std::string& key : {lock, liveness_of(claim)})
    place.server.ask("PEXPIRE " + key + " 9000");
  for (const Instant until = BootClock::now() + 3ms; BootClock::now() < until;) {
  }
  CHECK(is<Extended>([&] { return store->renew(claim, grant, soon()); }));
  CHECK(life_of(place, lock) > 50s);
  CHECK(life_of(place, liveness_of(claim)) > 15s);
  CHECK(life_of(place, liveness_of(claim)) <= 20s);
  CHECK(place.server.ask("GET " + lock) != before);  // extendedAt
}

TEST_CASE("the renewal of a share extends the keys of the group and shortens none") {
  const RedisPlace place;
  const auto store = place.open();
  take(*place.open(), with_lives(sharing(claim_of(1)), 20s, 5min));
  const Claim claim = with_lives(sharing(claim_of(2)), 20s, 60s);
  const Grant grant = take(*store, claim);
  CHECK(is<Extended>([&] { return store->renew(claim, grant, soon()); }));
  CHECK(life_of(place, lock) > 250s);
  CHECK(life_of(place, holders) > 250s);
  for (const std::string& key : {lock, holders}) place.server.ask("PEXPIRE " + key + " 9000");
  CHECK(is<Extended>([&] { return store->renew(claim, grant, soon()); }));
  CHECK(life_of(place, lock) > 50s);
  CHECK(life_of(place, holders) > 50s);
}

TEST_CASE("a place in the queue lives as long as its waiter, and the queue as long as a lock") {
  const RedisPlace place;
  const auto waiter = place.open();
  take(*place.open(), claim_of(1));
  const Claim claim = waiting(with_lives(claim_of(2), 20s, 60s));
  refused(*waiter, claim);
  CHECK(life_of(place, liveness_of(claim) + ":wait") > 15s);
  CHECK(life_of(place, liveness_of(claim) + ":wait") <= 20s);
  CHECK(life_of(place, queue) > 50s);
  waiter->leave_queue(claim, soon());
  CHECK_FALSE(exists(place, liveness_of(claim) + ":wait"));
  CHECK_FALSE(exists(place, queue));
}

TEST_CASE("liveness and lock each get their own lifetime, for a holder alone and for several") {
  for (const Limit limit : {Limit{}, Limit{2}, Limit::shared()}) {
    CAPTURE(limit.most);
    const RedisPlace place;
    for (int run = 1; run <= (limit.is_exclusive() ? 1 : 2); ++run) {
      const Claim claim = with_lives(sharing(claim_of(run), limit), 20s, 60s);
      take(*place.open(), claim);
      for (const std::string& liveness :
           {liveness_of(claim),
            limit.is_exclusive() ? liveness_of(claim) : group_liveness(place)}) {
        CHECK(life_of(place, liveness) > 15s);
        CHECK(life_of(place, liveness) <= 20s);
      }
      CHECK(life_of(place, lock) > 50s);
      CHECK(life_of(place, lock) <= 60s);
      if (!limit.is_exclusive()) CHECK(life_of(place, holders) > 50s);
    }
  }
}

TEST_CASE("the token counter lives for a month") {
  const RedisPlace place;
  take(*place.open(), claim_of(1));
  CHECK(life_of(place, "t:fence:{t:lock:backup}") > 29 * 24h);
}

TEST_CASE(
    "a release leaves no key of its run, for a holder alone, one of several and the last one") {
  const RedisPlace place;
  for (const Claim& claim : {claim_of(1), sharing(claim_of(1)), sharing(claim_of(1), {2})}) {
    CAPTURE(claim.limit.most);
    const auto store = place.open();
    take(*store, claim);
    const bool shares = !claim.limit.is_exclusive();
    const std::string group = shares ? group_liveness(place) : liveness_of(claim);
    const auto other = place.open();
    if (shares) take(*other, sharing(claim_of(2), claim.limit));
    give_back(*store, claim);
    CHECK_FALSE(exists(place, liveness_of(claim)));
    CHECK(exists(place, lock) == shares);
    if (shares) give_back(*other, sharing(claim_of(2), claim.limit));
    for (const std::string& key : {lock, holders, group}) CHECK_FALSE(exists(place, key));
  }
}

TEST_CASE(
    "a lock that is kept after its job lives for the time given, even if the TTL is shorter") {
  for (const Claim& claim : {claim_of(1), sharing(claim_of(1), {2})}) {
    CAPTURE(claim.limit.most);
    const RedisPlace place;
    const auto store = place.open();
    take(*store, claim);
    const std::string group =
        claim.limit.is_exclusive() ? liveness_of(claim) : group_liveness(place);
    give_back(*store, claim, {.keep = 60s});
    for (const std::string& key : {lock, liveness_of(claim), group})
      CHECK(life_of(place, key) > 50s);
  }
}

TEST_CASE("a run is remembered for a month") {
  const RedisPlace place;
  const auto store = place.open();
  Claim claim = claim_of(1);
  claim.once = OncePer{1h, false};
  const Grant grant = take(*store, claim);
  give_back(*store, claim, {.run = PastRun{.started = grant.at, .counts = true}});
  CHECK(life_of(place, past_run) > 29 * 24h);
}

TEST_CASE("a run that takes over the lock of a dead group leaves no key of that group") {
  const RedisPlace place;
  const Claim dead = sharing(claim_of(1));
  take(*place.open(), dead);
  const std::string group = group_liveness(place);
  place.server.ask("DEL " + liveness_of(dead));
  take(*place.open(), claim_of(2));
  CHECK_FALSE(exists(place, group));
  CHECK_FALSE(exists(place, holders));
}

TEST_CASE(
    "unlock without --force frees no lock whose holder is alive, however little time is left") {
  for (const Claim& claim : {claim_of(1), sharing(claim_of(1))}) {
    CAPTURE(claim.limit.most);
    const RedisPlace place;
    take(*place.open(), claim);
    const auto lived = [&] {
      place.server.ask("SET " + liveness_of(claim) + " {} PX 400");
      const bool held = is<StillHeld>(
          [&] { return inspector_of(place)->unlock(claim.key, without_force(), soon()); });
      const bool lives = exists(place, liveness_of(claim));
      CHECK((held || !lives));
      return lives;
    };
    repeat_until(lived);
  }
}

TEST_CASE("unlock frees the lock of a dead holder for the first waiter and wakes it") {
  const RedisPlace place;
  const auto waiter = place.open();
  take(*place.open(), with_lives(claim_of(1), 60s, 5min));
  refused(*waiter, waiting(with_lives(claim_of(2), 60s, 5min)));
  place.server.ask("DEL " + liveness_of(claim_of(1)));
  CHECK(is<Freed>(
      [&] { return inspector_of(place)->unlock(claim_of(1).key, without_force(), soon()); }));
  CHECK(time_to_turn(*waiter, waiting(with_lives(claim_of(2), 60s, 5min))) < 2s);
  take(*waiter, waiting(with_lives(claim_of(2), 60s, 5min)));
}

TEST_CASE(
    "a forced unlock frees a place that is only kept at once, beside a holder that is alive") {
  const RedisPlace place;
  const auto kept = place.open();
  const auto lives = place.open();
  take(*kept, sharing(claim_of(1), {2}));
  const Grant grant = take(*lives, sharing(claim_of(2), {2}));
  give_back(*kept, sharing(claim_of(1), {2}), {.keep = 1h});
  CHECK(
      is<Forced>([&] { return inspector_of(place)->unlock(claim_of(1).key, by_force(), soon()); }));
  CHECK(place.server.ask("HLEN " + holders) == "1");
  CHECK_FALSE(exists(place, liveness_of(claim_of(1))));
  CHECK(is<Lost>([&] { return lives->renew(sharing(claim_of(2), {2}), grant, soon()); }));
}

TEST_CASE("a forced unlock that names none of the current holders changes nothing and says so") {
  for (const Claim& claim : {claim_of(1), sharing(claim_of(1))}) {
    CAPTURE(claim.limit.most);
    const RedisPlace place;
    const auto store = place.open();
    const Grant grant = take(*store, claim);
    const std::string script{redis::unlock_script.text};
    CHECK(place.server.ask({"EVAL", script, "3", lock, holders, queue, "t:", "1", "", "7000",
                            "somebody@host/1.2.3", "a mark"}) == "CHANGED");
    CHECK(is<Extended>([&] { return store->renew(claim, grant, soon()); }));
  }
}

TEST_CASE("all waiters are listed in queue order") {
  const RedisPlace place;
  take(*place.open(), claim_of(0));
  std::vector<std::unique_ptr<Store>> waiters;
  for (int run = 1; run <= 3; ++run) {
    waiters.push_back(place.open());
    refused(*waiters.back(), waiting(claim_of(run)));
  }
  auto shown = inspector_of(place)->inspect(claim_of(0).key, soon());
  REQUIRE(shown.ok());
  CHECK(shown->waiting == 3);
  REQUIRE(shown->waiters.size() == 3);
  for (int run = 1; run <= 3; ++run)
    CHECK(shown->waiters[static_cast<std::size_t>(run) - 1].pid == 100 + run);
}
