// What every store promises for a lock after its job: --min-hold and --once-per.
#include "contract/places.h"
#include "os/clock.h"

using namespace dlock;
using namespace dlock::test;
using namespace std::chrono_literals;

namespace {

Claim once(Claim claim, std::chrono::milliseconds period = 24h, bool even_if_failed = false) {
  claim.once = OncePer{period, even_if_failed};
  return claim;
}

ReleaseOptions having_run(const Grant& grant, bool counts) {
  return {.run = PastRun{.started = grant.at,
                         .counts = counts,
                         .ended_at = "2026-01-31T02:00:07.000Z",
                         .exit_code = counts ? 0 : 1,
                         .host = "host",
                         .pid = 4711,
                         .user = "me",
                         .command = "report"}};
}

}  // namespace

TEST_CASE_TEMPLATE(
    "a lock that is kept after its job is refused until that time has passed, with the reason",
    Place, LocalPlace, RedisPlace) {
  const Place place;
  for (const Claim& claim : {claim_of(1), sharing(claim_of(2), {2})}) {
    CAPTURE(claim.limit.most);
    const auto store = place.open();
    const Grant grant = take(*store, claim);
    const Instant released = BootClock::now();
    give_back(*store, claim, {.keep = 400ms});
    const auto next = place.open();
    const Held held = refused(*next, waiting(claim_of(3)));
    CHECK(held.holder.held_by_min_hold);
    CHECK(held.holder.pid == claim.pid);
    CHECK(held.holder.token == grant.token);
    CHECK(held.place.holder_ends_in.value_or(0s) > 0s);
    while (std::holds_alternative<Held>(*next->acquire(waiting(claim_of(3)), soon())))
      time_to_turn(*next, waiting(claim_of(3)));
    const Duration kept = BootClock::now() - released;
    CHECK(kept >= 399ms);
    CHECK(kept < 700ms);
    give_back(*next, claim_of(3));
  }
}

TEST_CASE_TEMPLATE("a run that succeeded is not repeated in its slot, and the refusal names it",
                   Place, LocalPlace, RedisPlace) {
  const Place place;
  const auto first = place.open();
  const Grant grant = take(*first, once(claim_of(1)));
  CHECK(is<Held>([&] { return place.open()->acquire(once(claim_of(2)), soon()); }));
  give_back(*first, once(claim_of(1)), having_run(grant, true));
  auto answer = place.open()->acquire(once(claim_of(3)), soon());
  REQUIRE(answer.ok());
  REQUIRE(std::holds_alternative<AlreadyDone>(*answer));
  const PastRun& by = std::get<AlreadyDone>(*answer).by;
  CHECK(by.host == "host");
  CHECK(by.pid == 4711);
  CHECK(by.command == "report");
  CHECK(by.ended_at == "2026-01-31T02:00:07.000Z");
  // A run without --once-per is not skipped.
  const auto other = place.open();
  take(*other, claim_of(4));
}

TEST_CASE_TEMPLATE("a run that failed leaves its slot to the next run", Place, LocalPlace,
                   RedisPlace) {
  const Place place;
  const auto first = place.open();
  const Grant grant = take(*first, once(claim_of(1)));
  give_back(*first, once(claim_of(1)), having_run(grant, false));
  const auto second = place.open();
  take(*second, once(claim_of(2)));
}

TEST_CASE_TEMPLATE("a run is repeated in the next slot", Place, LocalPlace, RedisPlace) {
  const Place place;
  const auto first = place.open();
  const Grant grant = take(*first, once(claim_of(1), 1s));
  give_back(*first, once(claim_of(1), 1s), having_run(grant, true));
  const Instant began = BootClock::now();
  const auto second = place.open();
  for (;;) {
    auto answer = second->acquire(once(claim_of(2), 1s), soon());
    REQUIRE(answer.ok());
    if (const auto* again = std::get_if<Grant>(&*answer)) {
      CHECK_FALSE(in_one_slot(OncePer{1s}, again->at, grant.at));
      break;
    }
    REQUIRE(BootClock::now() - began < 2s);
  }
}

TEST_CASE_TEMPLATE("a waiter whose slot is used meanwhile is told so", Place, LocalPlace,
                   RedisPlace) {
  const Place place;
  const auto first = place.open();
  const auto second = place.open();
  const Grant grant = take(*first, once(claim_of(1)));
  refused(*second, waiting(once(claim_of(2))));
  give_back(*first, once(claim_of(1)), having_run(grant, true));
  CHECK(time_to_turn(*second, waiting(once(claim_of(2)))) < 300ms);
  CHECK(is<AlreadyDone>([&] { return second->acquire(waiting(once(claim_of(2))), soon()); }));
}

TEST_CASE_TEMPLATE("a run in the last half minute of a slot counts for the next slot", Place,
                   LocalPlace, RedisPlace) {
  const Place place;
  const Grant now = take(*place.open(), claim_of(0, "what time it is"));
  // Slots of about 20 days, one of which ends 20 s from now, or slightly later.
  constexpr std::int64_t slots = 1000;
  const std::chrono::milliseconds period{(now.at.ms + 20'000 + slots - 1) / slots};
  for (const auto& [before, is_done] : {std::pair{5'000, true}, std::pair{20'000, false}}) {
    CAPTURE(before);
    const Claim first = once(claim_of(1, std::to_string(before)), period);
    const auto store = place.open();
    take(*store, first);
    Grant earlier = now;
    earlier.at.ms -= before;
    give_back(*store, first, having_run(earlier, true));
    const Claim second = once(claim_of(2, std::to_string(before)), period);
    auto answer = place.open()->acquire(second, soon());
    REQUIRE(answer.ok());
    CHECK(std::holds_alternative<AlreadyDone>(*answer) == is_done);
  }
}
