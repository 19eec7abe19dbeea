// The protocol with one key per request, as in a slot that migrates, on a standalone Redis: there
// the keys can be checked between two requests.
#include "store/redis/migrating_slot.h"

#include "contract/places.h"
#include "os/clock.h"
#include "redis/deployment.h"
#include "store/inspector.h"
#include "store/lock_json.h"

using namespace dlock;
using namespace dlock::redis;
using namespace dlock::test;
using namespace std::chrono_literals;

namespace {

class MigratingPlace {
 public:
  Answer acquire(const Claim& claim, std::uint32_t attempt, const std::string& dead = "",
                 const std::string& least_uptime = "0") {
    const OwnerHash owner = make_owner_hash(claim.key, claim.process, attempt, "");
    const CallDeadline patience = soon();
    auto answer =
        MigratingSlot{caller_, keys_, claim, patience}.acquire({owner, least_uptime, dead});
    REQUIRE(answer.ok());
    return std::move(*answer);
  }
  std::string renew(const Claim& claim, const OwnerHash& owner, const ProcessHash& group = {},
                    bool revive = false) {
    const Grant grant{.owner = owner};
    const CallDeadline patience = soon();
    const std::string value = lock_json(claim, owner, "now", "now", FencingToken{1});
    auto answer =
        MigratingSlot{caller_, keys_, claim, patience}.renew({grant, value, revive, group});
    REQUIRE(answer.ok());
    return std::string{answer->reply.text_at(0)};
  }
  std::string release(const Claim& claim, const ReleaseOptions& farewell = {}) {
    const CallDeadline patience = soon();
    auto answer = MigratingSlot{caller_, keys_, claim, patience}.release({}, farewell);
    REQUIRE(answer.ok());
    return std::string{answer->reply.text_at(0)};
  }
  std::string liveness_of(const Claim& claim) const { return keys_.liveness(claim.process); }
  Duration life_of(const std::string& key) const {
    return std::chrono::milliseconds{std::stoll(server.ask("PTTL " + key))};
  }

  const RedisProcess server;

 private:
  LockKeys keys_{"t:", *LockKey::parse("backup")};
  ScriptCaller caller_{
      make_servers({std::get<RedisAddress>(*parse_store_address(server.url())), {}, nullptr}), {}};
};

std::string verdict(const Answer& answer) { return std::string{answer.reply.text_at(0)}; }
OwnerHash owner_in(const Answer& answer) {
  const auto lock = parse_lock_json(answer.reply.text_at(1));
  REQUIRE(lock);
  return lock->owner;
}

}  // namespace

TEST_CASE("one key at a time: a retry adopts its own lock while its liveness exists") {
  MigratingPlace place;
  const OwnerHash first = owner_in(place.acquire(claim_of(1), 1));
  const Answer again = place.acquire(claim_of(1), 2);
  CHECK(verdict(again) == "OK");
  CHECK(owner_in(again) == first);
  CHECK(verdict(place.acquire(claim_of(2), 1)) == "HELD");
}

TEST_CASE("one key at a time: a retry whose liveness has expired uses a fresh owner hash") {
  // A peer that read the first hash and found it dead can delete that hash at any later time.
  MigratingPlace place;
  const OwnerHash first = owner_in(place.acquire(claim_of(1), 1));
  place.server.ask("DEL " + place.liveness_of(claim_of(1)));
  const Answer again = place.acquire(claim_of(1), 2);
  CHECK(verdict(again) == "OK");
  CHECK(owner_in(again) != first);
}

TEST_CASE("one key at a time: a holder is replaced only if it is the one that was found dead") {
  MigratingPlace place;
  const OwnerHash dead = owner_in(place.acquire(claim_of(1), 1));
  CHECK(verdict(place.acquire(claim_of(2), 1, "backup@host/9.9.1")) == "HELD");
  CHECK(verdict(place.acquire(claim_of(2), 1, dead.text)) == "OK");
}

TEST_CASE("one key at a time: a renewal recreates neither a lock nor a liveness") {
  MigratingPlace place;
  const OwnerHash owner = owner_in(place.acquire(claim_of(1), 1));
  CHECK(place.renew(claim_of(1), owner) == "OK");
  place.server.ask("DEL " + place.liveness_of(claim_of(1)));
  CHECK(place.renew(claim_of(1), owner) == "LAPSED");
  CHECK(place.server.ask("EXISTS " + place.liveness_of(claim_of(1))) == "0");
  place.server.ask("DEL t:lock:backup");
  CHECK(place.renew(claim_of(1), owner) == "LOST");
  CHECK(place.server.ask("EXISTS t:lock:backup") == "0");
}

TEST_CASE("one key at a time: a lock that another run holds is neither renewed nor released") {
  MigratingPlace place;
  const OwnerHash owner = owner_in(place.acquire(claim_of(1), 1));
  place.server.ask("DEL t:lock:backup");
  const OwnerHash other = owner_in(place.acquire(claim_of(2), 1));
  CHECK(place.renew(claim_of(1), owner) == "LOST");
  CHECK(place.release(claim_of(1)) == "LOST");
  CHECK(place.renew(claim_of(2), other) == "OK");
  CHECK(place.release(claim_of(2), {.keep = 1min}) == "OK");
  CHECK(place.life_of("t:lock:backup") > 50s);
  CHECK(place.life_of(place.liveness_of(claim_of(2))) > 50s);
}

TEST_CASE("one key at a time: a lock that was taken by a forced unlock is not adopted") {
  MigratingPlace place;
  place.acquire(claim_of(1), 1);
  const auto inspector = make_inspector({*parse_store_address(place.server.url()), "t:", true});
  CHECK(is<Forced>([&] { return inspector->unlock(claim_of(1).key, by_force(), soon()); }));
  const Answer again = place.acquire(claim_of(1), 2);
  CHECK(verdict(again) == "OK");
  CHECK(owner_in(again) == make_owner_hash(claim_of(1).key, claim_of(1).process, 2, ""));
}

TEST_CASE("one key at a time: a server that started recently grants no lock") {
  MigratingPlace place;
  CHECK(verdict(place.acquire(claim_of(1), 1, "", "3600")) == "YOUNG");
  CHECK(place.server.ask("EXISTS t:lock:backup") == "0");
}

TEST_CASE("one key at a time: a lease is counted from the time when its liveness was written") {
  MigratingPlace place;
  place.acquire(claim_of(1), 1);
  place.server.ask("CLIENT PAUSE 300 ALL");
  const Instant before = BootClock::now();
  const Answer again = place.acquire(claim_of(1), 2);
  REQUIRE(BootClock::now() - before > 200ms);
  CHECK(again.sent_at < before + 100ms);
}

namespace {

/// A share of a lock, acquired before the slot migrates.
struct Share {
  explicit Share(const MigratingPlace& place) {
    const auto store = make_store({*parse_store_address(place.server.url()), "t:", true});
    grant = take(*store, claim);
    const auto lock = parse_lock_json(place.server.ask("GET t:lock:backup"));
    REQUIRE(lock);
    group = lock->process;
  }
  Claim claim = sharing(claim_of(1));
  Grant grant;
  ProcessHash group;
};

}  // namespace

TEST_CASE("one key at a time: a share keeps its group alive and shortens no lifetime") {
  MigratingPlace place;
  const Share share{place};
  const std::string group = "t:proc:" + share.group.text;
  const std::vector<std::string> keys{"t:lock:backup", "t:holders:{t:lock:backup}", group};
  for (const std::string& key : keys) place.server.ask("PEXPIRE " + key + " 1500");
  CHECK(place.renew(share.claim, share.grant.owner, share.group) == "OK");
  for (const std::string& key : keys) {
    CAPTURE(key);
    CHECK(place.life_of(key) > 1500ms);
    place.server.ask("PEXPIRE " + key + " 3600000");
  }
  CHECK(place.renew(share.claim, share.grant.owner, share.group) == "OK");
  for (const std::string& key : keys) CHECK(place.life_of(key) > 1000s);
}

TEST_CASE("one key at a time: a share is lost with its group, or when either has expired") {
  for (const bool of_the_group : {false, true}) {
    CAPTURE(of_the_group);
    MigratingPlace place;
    const Share share{place};
    CHECK(place.renew(share.claim, share.grant.owner, {"host/1.20"}) == "LOST");
    CHECK(place.renew(share.claim, {"backup@host/9.9.9"}, share.group) == "LOST");
    const std::string liveness =
        of_the_group ? "t:proc:" + share.group.text : place.liveness_of(share.claim);
    place.server.ask("DEL " + liveness);
    CHECK(place.renew(share.claim, share.grant.owner, share.group) == "LAPSED");
    CHECK(place.server.ask("EXISTS " + liveness) == "0");
    CHECK(place.renew(share.claim, share.grant.owner, share.group, /*revive=*/true) == "OK");
    CHECK(place.server.ask("EXISTS " + liveness) == "1");
  }
}
