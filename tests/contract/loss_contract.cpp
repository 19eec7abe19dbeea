// How soon a holder notices that its lock is lost: while it waits for its next renewal, not at it.
#include "contract/places.h"
#include "os/clock.h"
#include "os/wait.h"
#include "store/inspector.h"

using namespace dlock;
using namespace dlock::test;
using namespace std::chrono_literals;

namespace {

class NeverCalledOff final : public Cancellation {
 public:
  int fd() const override { return event_.number(); }
  bool requested() override { return false; }

 private:
  const Fd event_ = make_event_fd();
};

/// How long a holder waits until it is woken, at most.
Duration time_to_news(Store& store, const Claim& claim, const Grant& grant) {
  NeverCalledOff interrupt;
  const Instant began = BootClock::now();
  store.await_loss(claim, grant, {began + 5s, &interrupt});
  return BootClock::now() - began;
}

std::unique_ptr<Inspector> inspector_of(const LocalPlace& place) {
  return make_inspector({LocalAddress{place.directory}, "", false});
}
std::unique_ptr<Inspector> inspector_of(const RedisPlace& place) {
  return make_inspector({*parse_store_address(place.server.url()), "t:", true});
}

}  // namespace

TEST_CASE_TEMPLATE("a forced unlock is noticed at once by each holder of the lock", Place,
                   LocalPlace, RedisPlace) {
  for (const Claim& claim : {claim_of(1), sharing(claim_of(1))}) {
    CAPTURE(claim.limit.most);
    const Place place;
    const auto store = place.open();
    const auto other = place.open();
    const Grant grant = take(*store, claim);
    const bool shares = !claim.limit.is_exclusive();
    const Grant beside = shares ? take(*other, sharing(claim_of(2))) : Grant{};
    // After it has subscribed it checks once, because it missed every message before that.
    CHECK(time_to_news(*store, claim, grant) < 2s);
    if (shares) CHECK(time_to_news(*other, sharing(claim_of(2)), beside) < 2s);

    auto freed = inspector_of(place)->unlock(claim.key, by_force(), soon());
    REQUIRE(freed.ok());
    REQUIRE(std::holds_alternative<Forced>(*freed));
    CHECK(time_to_news(*store, claim, grant) < 2s);
    CHECK(is<Lost>([&] { return store->renew(claim, grant, soon()); }));
    if (!shares) continue;
    CHECK(time_to_news(*other, sharing(claim_of(2)), beside) < 2s);
    CHECK(is<Lost>([&] { return other->renew(sharing(claim_of(2)), beside, soon()); }));
  }
}

TEST_CASE("a removed file of a lock or of a share is noticed at once") {
  for (const bool share : {false, true}) {
    CAPTURE(share);
    const LocalPlace place;
    const auto store = place.open();
    const Claim claim = sharing(claim_of(1));
    const Grant grant = take(*store, claim);
    time_to_news(*store, claim, grant);
    if (share) {
      for (const auto& file :
           std::filesystem::directory_iterator{place.directory + "/backup.holders"})
        std::filesystem::remove(file.path());
    } else {
      place.take_lock_away("backup");
    }
    CHECK(time_to_news(*store, claim, grant) < 2s);
    CHECK(is<Lost>([&] { return store->renew(claim, grant, soon()); }));
  }
}

TEST_CASE_TEMPLATE(
    "the inspection of a lock tells whether its holder is alive, kept or being forced to release",
    Place, LocalPlace, RedisPlace) {
  using Life = HolderStatus::Life;
  for (const Claim& claim : {claim_of(1), sharing(claim_of(1), {2})}) {
    CAPTURE(claim.limit.most);
    const Place place;
    const auto life = [&] {
      auto seen = inspector_of(place)->inspect(claim.key, soon());
      REQUIRE(seen.ok());
      REQUIRE(seen->holders.size() == 1);
      return seen->holders.front().life;
    };
    const auto store = place.open();
    take(*store, claim);
    CHECK(life() == Life::Alive);
    give_back(*store, claim, {.keep = 1min});
    CHECK(life() == Life::HeldByMinHold);
    auto freed = inspector_of(place)->unlock(claim.key, by_force(), soon());
    REQUIRE(freed.ok());
    CHECK(std::holds_alternative<Freed>(*freed));

    const auto next = place.open();
    const Claim again = sharing(claim_of(2), claim.limit);
    take(*next, again);
    CHECK(is<StillHeld>([&] {
      Unlocker by = by_force();
      by.by_force = false;
      return inspector_of(place)->unlock(claim.key, by, soon());
    }));
    CHECK(is<Forced>([&] { return inspector_of(place)->unlock(claim.key, by_force(), soon()); }));
    CHECK(life() == Life::Forced);
  }
}
