// What every store promises to holders that share a lock.
#include "contract/places.h"

using namespace dlock;
using namespace dlock::test;
using namespace std::chrono_literals;

TEST_CASE_TEMPLATE("a lock has many readers or one writer", Place, LocalPlace, RedisPlace) {
  const Place place;
  std::vector<std::unique_ptr<Store>> readers;
  for (int run = 1; run <= 3; ++run) {
    readers.push_back(place.open());
    take(*readers.back(), sharing(claim_of(run)));
  }
  const auto writer = place.open();
  CHECK(refused(*writer, claim_of(9)).holders == 3);
  for (int run = 1; run <= 3; ++run) {
    refused(*writer, claim_of(9));
    give_back(*readers[static_cast<std::size_t>(run) - 1], sharing(claim_of(run)));
  }
  take(*writer, claim_of(9));
  const Held held = refused(*readers[0], sharing(claim_of(10)));
  CHECK(held.holders == 1);
  CHECK(held.holder.pid == 109);
}

TEST_CASE_TEMPLATE("readers that come later do not starve a writer that waits", Place, LocalPlace,
                   RedisPlace) {
  const Place place;
  const auto reader = place.open();
  const auto writer = place.open();
  const auto late = place.open();
  const auto later = place.open();
  take(*reader, sharing(claim_of(1)));
  refused(*writer, waiting(claim_of(2)));
  CHECK(refused(*late, sharing(claim_of(3))).holder.pid == 102);
  refused(*later, waiting(sharing(claim_of(4))));
  give_back(*reader, sharing(claim_of(1)));
  refused(*later, waiting(sharing(claim_of(4))));
  take(*writer, waiting(claim_of(2)));
  give_back(*writer, waiting(claim_of(2)));
  take(*later, waiting(sharing(claim_of(4))));
}

TEST_CASE_TEMPLATE("all readers that wait for a writer enter when it leaves", Place, LocalPlace,
                   RedisPlace) {
  const Place place;
  const auto writer = place.open();
  take(*writer, claim_of(0));
  std::vector<std::unique_ptr<Store>> readers;
  for (int run = 1; run <= 3; ++run) {
    readers.push_back(place.open());
    refused(*readers.back(), waiting(sharing(claim_of(run))));
  }
  give_back(*writer, claim_of(0));
  for (int run = 1; run <= 3; ++run) {
    Store& reader = *readers[static_cast<std::size_t>(run) - 1];
    CHECK(time_to_turn(reader, waiting(sharing(claim_of(run)))) < 300ms);
    take(reader, waiting(sharing(claim_of(run))));
  }
}

TEST_CASE_TEMPLATE("a limit of N admits N holders, each with its own fencing token", Place,
                   LocalPlace, RedisPlace) {
  const Place place;
  const auto first = place.open();
  const auto second = place.open();
  const auto third = place.open();
  const Limit two{2};
  const Grant a = take(*first, sharing(claim_of(1), two));
  const Grant b = take(*second, sharing(claim_of(2), two));
  CHECK(b.token > a.token);
  CHECK(refused(*third, sharing(claim_of(3), two)).holders == 2);
  CHECK(is<Extended>([&] { return first->renew(sharing(claim_of(1), two), a, soon()); }));
  give_back(*first, sharing(claim_of(1), two));
  CHECK(is<Extended>([&] { return second->renew(sharing(claim_of(2), two), b, soon()); }));
  CHECK(take(*third, sharing(claim_of(3), two)).token > b.token);
  refused(*place.open(), sharing(claim_of(4), two));
}

TEST_CASE_TEMPLATE("a free place is given to the first waiter", Place, LocalPlace, RedisPlace) {
  const Place place;
  const Limit two{2};
  const auto first = place.open();
  const auto second = place.open();
  const auto waiter = place.open();
  take(*first, sharing(claim_of(1), two));
  take(*second, sharing(claim_of(2), two));
  refused(*waiter, waiting(sharing(claim_of(3), two)));
  give_back(*second, sharing(claim_of(2), two));
  CHECK(time_to_turn(*waiter, waiting(sharing(claim_of(3), two))) < 300ms);
  take(*waiter, waiting(sharing(claim_of(3), two)));
}

TEST_CASE_TEMPLATE("the smallest limit of all holders counts", Place, LocalPlace, RedisPlace) {
  const Place place;
  std::vector<std::unique_ptr<Store>> stores;
  const auto run = [&](int number, std::uint32_t most) {
    stores.push_back(place.open());
    auto answer = stores.back()->acquire(sharing(claim_of(number), {most}), soon());
    REQUIRE(answer.ok());
    return std::holds_alternative<Grant>(*answer);
  };
  CHECK(run(1, 3));
  CHECK_FALSE(run(2, 1));
  CHECK(run(3, 3));
  CHECK_FALSE(run(4, 2));
  CHECK(run(5, 5));
  CHECK_FALSE(run(6, 9));
}

TEST_CASE_TEMPLATE("an exclusive lock is the limit of one", Place, LocalPlace, RedisPlace) {
  const Place place;
  const auto plain = place.open();
  take(*plain, claim_of(1));
  CHECK(refused(*place.open(), sharing(claim_of(2), {1})).holder.pid == 101);
  refused(*place.open(), sharing(claim_of(2), {2}));
  refused(*place.open(), sharing(claim_of(2)));
  give_back(*plain, claim_of(1));
  const auto one = place.open();
  take(*one, sharing(claim_of(3), {1}));
  refused(*place.open(), claim_of(4));
}

TEST_CASE_TEMPLATE("a holder that died frees only its own place", Place, LocalPlace, RedisPlace) {
  const Place place;
  const Limit two{2};
  auto dead = place.open();
  const auto alive = place.open();
  const auto heir = place.open();
  take(*dead, sharing(claim_of(1), two));
  const Grant grant = take(*alive, sharing(claim_of(2), two));
  refused(*heir, sharing(claim_of(3), two));
  place.let_die(dead, claim_of(1));
  take(*heir, sharing(claim_of(3), two));
  CHECK(is<Extended>([&] { return alive->renew(sharing(claim_of(2), two), grant, soon()); }));
  refused(*place.open(), sharing(claim_of(4), two));
}

TEST_CASE_TEMPLATE("a shared lock that was taken away is a loss for each of its holders", Place,
                   LocalPlace, RedisPlace) {
  const Place place;
  const auto first = place.open();
  const auto second = place.open();
  const Grant a = take(*first, sharing(claim_of(1)));
  const Grant b = take(*second, sharing(claim_of(2)));
  place.take_lock_away("backup");
  const auto thief = place.open();
  take(*thief, sharing(claim_of(3)));
  CHECK(is<Lost>([&] { return first->renew(sharing(claim_of(1)), a, soon()); }));
  CHECK(is<Lost>([&] { return second->renew(sharing(claim_of(2)), b, soon()); }));
  CHECK(is<Lost>([&] { return first->release(sharing(claim_of(1)), {}, soon()); }));
}
