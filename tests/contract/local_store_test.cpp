// What the embedded store promises beyond the contract: it has many files, and no server that does
// several things at once.
#include "contract/places.h"
#include "store/inspector.h"
#include "store/lock_json.h"

#include <fstream>

using namespace dlock;
using namespace dlock::test;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<Inspector> inspector_of(const LocalPlace& place) {
  return make_inspector({LocalAddress{place.directory}, "", false});
}

Unlocker by_force() {
  return {.host = "host",
          .pid = 900,
          .user = "operator",
          .command = "dlock unlock --force",
          .process = make_process_hash("host", 900, 9),
          .by_force = true};
}

/// As `unlock --force` does that saw `victim` there, and was slow.
void write_mark(const std::string& path, const Claim& victim) {
  const HolderStatus seen{.holder = {.process = victim.process}};
  const OwnerHash owner = make_owner_hash(victim.key, by_force().process, 1, "");
  std::ofstream{path} << forced_lock_json(mark_of(by_force(), owner), seen);
}

}  // namespace

TEST_CASE("a release that has not heard of the force keeps nothing") {
  for (const Claim& claim : {claim_of(1), sharing(claim_of(1), {2})}) {
    CAPTURE(claim.limit.most);
    const LocalPlace place;
    const auto store = place.open();
    take(*store, claim);
    auto forced = inspector_of(place)->unlock(claim.key, by_force(), soon());
    REQUIRE(forced.ok());
    REQUIRE(std::holds_alternative<Forced>(*forced));
    give_back(*store, claim, {.keep = 1h});
    take(*place.open(), claim_of(2));
  }
}

TEST_CASE("force that was meant for the holder before does nothing to the one after it") {
  const LocalPlace place;
  const std::string file = place.directory + "/backup.lock";
  const auto store = place.open();
  const Grant grant = take(*store, claim_of(2));
  write_mark(file, claim_of(1));
  CHECK(is<Extended>([&] { return store->renew(claim_of(2), grant, soon()); }));
  const Held held = refused(*place.open(), claim_of(3));
  CHECK_FALSE(held.holder.forced);
  CHECK(held.holder.owner == grant.owner);
  CHECK(held.holder.token == grant.token);

  write_mark(file, claim_of(1));
  give_back(*store, claim_of(2), {.keep = 1h});
  CHECK(refused(*place.open(), claim_of(3)).holder.only_kept);
}

TEST_CASE("force that was meant for this holder is a loss, also beside others") {
  for (const Claim& claim : {claim_of(1), sharing(claim_of(1), {2})}) {
    const LocalPlace place;
    const auto store = place.open();
    const Grant grant = take(*store, claim);
    REQUIRE(inspector_of(place)->unlock(claim.key, by_force(), soon()).ok());
    CHECK(is<Lost>([&] { return store->renew(claim, grant, soon()); }));
  }
}
