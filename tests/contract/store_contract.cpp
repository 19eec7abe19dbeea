// What every store promises. The same cases run on the embedded store and on a real Redis; cases
// for only one of them are in separate files.
#include "contract/places.h"
#include "os/clock.h"

#include <filesystem>

using namespace dlock;
using namespace dlock::test;
using namespace std::chrono_literals;

TEST_CASE_TEMPLATE("a lock that is held is refused, and the refusal names its holder", Place,
                   LocalPlace, RedisPlace) {
  const Place place;
  const auto first = place.open();
  const auto second = place.open();
  const Grant grant = take(*first, claim_of(1));
  auto answer = second->acquire(claim_of(2), soon());
  REQUIRE(answer.ok());
  REQUIRE(std::holds_alternative<Held>(*answer));
  const Holder& holder = std::get<Held>(*answer).holder;
  CHECK(holder.owner == grant.owner);
  CHECK(holder.host == "host");
  CHECK(holder.pid == 101);
  CHECK(holder.command == "job 1");
  CHECK(holder.token == grant.token);
}

TEST_CASE_TEMPLATE("a released lock is free at once", Place, LocalPlace, RedisPlace) {
  const Place place;
  const auto first = place.open();
  const auto second = place.open();
  take(*first, claim_of(1));
  CHECK(is<Released>([&] { return first->release(claim_of(1), {}, soon()); }));
  take(*second, claim_of(2));
}

TEST_CASE_TEMPLATE("different keys do not exclude each other, whatever bytes they contain", Place,
                   LocalPlace, RedisPlace) {
  const Place place;
  std::vector<std::unique_ptr<Store>> stores;
  int run = 0;
  for (const std::string& key :
       {std::string{"a"}, std::string{"a/b"}, std::string{"a%2Fb"}, std::string{".."},
        std::string{"."}, std::string{"A"}, std::string{"a\n"}, std::string{"{a}"},
        std::string{"\xFF"}, std::string(512, 'x'), std::string(511, 'x'), std::string(200, 'x'),
        std::string(200, 'x') + "+", std::string{"a.lock"}}) {
    CAPTURE(key);
    stores.push_back(place.open());
    take(*stores.back(), claim_of(++run, key));
  }
  // And each of them excludes itself.
  CHECK(
      is<Held>([&] { return place.open()->acquire(claim_of(99, std::string(512, 'x')), soon()); }));
  CHECK(is<Held>([&] { return place.open()->acquire(claim_of(99, ".."), soon()); }));
}

TEST_CASE_TEMPLATE("a holder can renew, and a renewal extends the lease", Place, LocalPlace,
                   RedisPlace) {
  const Place place;
  const auto store = place.open();
  const Grant grant = take(*store, claim_of(1));
  CHECK(grant.stop_by > BootClock::now());
  auto renewed = store->renew(claim_of(1), grant, soon());
  REQUIRE(renewed.ok());
  REQUIRE(std::holds_alternative<Extended>(*renewed));
  CHECK(std::get<Extended>(*renewed).stop_by >= grant.stop_by);
}

TEST_CASE_TEMPLATE("a lock that was taken away is a loss for a renewal and for a release", Place,
                   LocalPlace, RedisPlace) {
  const Place place;
  const auto store = place.open();
  const Grant grant = take(*store, claim_of(1));
  place.take_lock_away("backup");
  CHECK(is<Lost>([&] { return store->renew(claim_of(1), grant, soon()); }));
  CHECK(is<Lost>([&] { return store->release(claim_of(1), {}, soon()); }));
}

TEST_CASE_TEMPLATE("a lock that another run holds is neither renewed nor released", Place,
                   LocalPlace, RedisPlace) {
  const Place place;
  const auto first = place.open();
  const auto second = place.open();
  const Grant old = take(*first, claim_of(1));
  place.take_lock_away("backup");
  const Grant current = take(*second, claim_of(2));
  CHECK(is<Lost>([&] { return first->renew(claim_of(1), old, soon()); }));
  CHECK(is<Lost>([&] { return first->release(claim_of(1), {}, soon()); }));
  CHECK(is<Extended>([&] { return second->renew(claim_of(2), current, soon()); }));
}

TEST_CASE_TEMPLATE("the fencing token rises with each acquisition of a key", Place, LocalPlace,
                   RedisPlace) {
  const Place place;
  FencingToken last{};
  for (int run = 1; run <= 20; ++run) {
    const auto store = place.open();
    const Grant grant = take(*store, claim_of(run));
    CHECK(grant.token > last);
    last = grant.token;
    CHECK(is<Released>([&] { return store->release(claim_of(run), {}, soon()); }));
  }
}

TEST_CASE_TEMPLATE("each acquisition has its own owner hash", Place, LocalPlace, RedisPlace) {
  const Place place;
  const auto store = place.open();
  const Grant first = take(*store, claim_of(1));
  REQUIRE(store->release(claim_of(1), {}, soon()).ok());
  const auto again = place.open();
  CHECK(take(*again, claim_of(2)).owner != first.owner);
}
