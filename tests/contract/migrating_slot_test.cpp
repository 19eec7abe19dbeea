// The protocol with one key for each request, as in a slot that migrates, on a lone Redis: there it
// can be looked at between two requests.
#include "store/redis/migrating_slot.h"

#include "contract/places.h"
#include "redis/deployment.h"
#include "store/lock_json.h"

using namespace dlock;
using namespace dlock::redis;
using namespace dlock::test;
using namespace std::chrono_literals;

namespace {

class MigratingPlace {
 public:
  Answer acquire(const Claim& claim, std::uint32_t attempt, const std::string& dead = "") {
    const OwnerHash owner = make_owner_hash(claim.key, claim.process, attempt, "");
    const std::string any_uptime = "0";
    const CallDeadline patience = soon();
    auto answer = MigratingSlot{caller_, keys_, claim, patience}.acquire({owner, any_uptime, dead});
    REQUIRE(answer.ok());
    return std::move(*answer);
  }
  std::string renew(const Claim& claim, const OwnerHash& owner) {
    const Grant grant{.owner = owner};
    const CallDeadline patience = soon();
    const std::string value = lock_json(claim, owner, "now", "now", FencingToken{1});
    auto answer = MigratingSlot{caller_, keys_, claim, patience}.renew({grant, value, false, {}});
    REQUIRE(answer.ok());
    return std::string{answer->reply.text_at(0)};
  }
  std::string liveness_of(const Claim& claim) const { return keys_.liveness(claim.process); }

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

TEST_CASE("one key at a time: a retry adopts its own lock while its liveness stands") {
  MigratingPlace place;
  const OwnerHash first = owner_in(place.acquire(claim_of(1), 1));
  const Answer again = place.acquire(claim_of(1), 2);
  CHECK(verdict(again) == "OK");
  CHECK(owner_in(again) == first);
  CHECK(verdict(place.acquire(claim_of(2), 1)) == "HELD");
}

TEST_CASE("one key at a time: a retry whose liveness has lapsed takes a fresh hash") {
  // A peer that saw the first hash and judged it dead may delete that hash at any later time.
  MigratingPlace place;
  const OwnerHash first = owner_in(place.acquire(claim_of(1), 1));
  place.server.ask("DEL " + place.liveness_of(claim_of(1)));
  const Answer again = place.acquire(claim_of(1), 2);
  CHECK(verdict(again) == "OK");
  CHECK(owner_in(again) != first);
}

TEST_CASE("one key at a time: a holder is succeeded only if it is the one that was found dead") {
  MigratingPlace place;
  const OwnerHash dead = owner_in(place.acquire(claim_of(1), 1));
  CHECK(verdict(place.acquire(claim_of(2), 1, "backup@host/9.9.1")) == "HELD");
  CHECK(verdict(place.acquire(claim_of(2), 1, dead.text)) == "OK");
}

TEST_CASE("one key at a time: a renewal brings back neither a lock nor a liveness") {
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
