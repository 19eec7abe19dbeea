// What the embedded store promises beyond the contract: it has many files, and no server that does
// several things at once.
#include "contract/places.h"
#include "store/inspector.h"

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
