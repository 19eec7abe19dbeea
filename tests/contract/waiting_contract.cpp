// What every store promises to waiters.
#include "contract/places.h"
#include "os/clock.h"
#include "os/fd.h"

#include <sys/eventfd.h>
#include <unistd.h>

using namespace dlock;
using namespace dlock::test;
using namespace std::chrono_literals;

namespace {

class Cancelled final : public Cancellation {
 public:
  Cancelled() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd_.number(), &one, sizeof one);
  }
  int fd() const override { return fd_.number(); }
  bool requested() override { return true; }

 private:
  Fd fd_{::eventfd(0, EFD_CLOEXEC)};
};

}  // namespace

TEST_CASE_TEMPLATE("waiters get the lock in the order in which they came", Place, LocalPlace,
                   RedisPlace) {
  const Place place;
  std::vector<std::unique_ptr<Store>> stores;
  for (int run = 0; run < 5; ++run) stores.push_back(place.open());
  take(*stores[0], claim_of(0));
  for (int run = 1; run < 5; ++run) {
    const Held held = refused(*stores[static_cast<std::size_t>(run)], waiting(claim_of(run)));
    CHECK(held.holder.pid == 100);
  }
  for (int turn = 0; turn < 4; ++turn) {
    give_back(*stores[static_cast<std::size_t>(turn)], claim_of(turn));
    for (int run = 4; run > turn + 1; --run)
      refused(*stores[static_cast<std::size_t>(run)], waiting(claim_of(run)));
    take(*stores[static_cast<std::size_t>(turn) + 1], waiting(claim_of(turn + 1)));
  }
}

TEST_CASE_TEMPLATE("the order of waiters does not depend on their names", Place, LocalPlace,
                   RedisPlace) {
  const Place place;
  const auto holder = place.open();
  take(*holder, claim_of(0));
  std::vector<std::unique_ptr<Store>> stores;
  for (int turn = 0; turn < 5; ++turn) {
    stores.push_back(place.open());
    refused(*stores.back(), waiting(claim_of(9 - turn)));
  }
  give_back(*holder, claim_of(0));
  for (int turn = 0; turn < 5; ++turn) {
    Store& store = *stores[static_cast<std::size_t>(turn)];
    take(store, waiting(claim_of(9 - turn)));
    give_back(store, claim_of(9 - turn));
  }
}

TEST_CASE_TEMPLATE("a release wakes the first waiter", Place, LocalPlace, RedisPlace) {
  const Place place;
  const auto holder = place.open();
  const auto first = place.open();
  const auto second = place.open();
  take(*holder, claim_of(0));
  refused(*first, waiting(claim_of(1)));
  refused(*second, waiting(claim_of(2)));
  give_back(*holder, claim_of(0));
  CHECK(time_to_turn(*first, waiting(claim_of(1))) < 300ms);
  take(*first, waiting(claim_of(1)));
  CHECK(time_to_turn(*second, waiting(claim_of(2)), 200ms) >= 200ms);
}

TEST_CASE_TEMPLATE("a run that does not wait gets no lock while another run waits for it", Place,
                   LocalPlace, RedisPlace) {
  const Place place;
  const auto holder = place.open();
  const auto waiter = place.open();
  take(*holder, claim_of(0));
  refused(*waiter, waiting(claim_of(1)));
  give_back(*holder, claim_of(0));
  const Held held = refused(*place.open(), claim_of(2));
  CHECK(held.holders == 0);
  CHECK(held.holder.pid == 101);
  take(*waiter, waiting(claim_of(1)));
}

TEST_CASE_TEMPLATE("a waiter that leaves the queue makes room for the next one", Place, LocalPlace,
                   RedisPlace) {
  const Place place;
  const auto holder = place.open();
  const auto leaver = place.open();
  const auto next = place.open();
  take(*holder, claim_of(0));
  refused(*leaver, waiting(claim_of(1)));
  refused(*next, waiting(claim_of(2)));
  give_back(*holder, claim_of(0));
  leaver->leave_queue(waiting(claim_of(1)), soon());
  CHECK(time_to_turn(*next, waiting(claim_of(2))) < 300ms);
  take(*next, waiting(claim_of(2)));
}

TEST_CASE_TEMPLATE("a dead waiter does not delay the waiters behind it", Place, LocalPlace,
                   RedisPlace) {
  const Place place;
  const auto holder = place.open();
  auto dead = place.open();
  const auto next = place.open();
  take(*holder, claim_of(0));
  refused(*dead, waiting(claim_of(1)));
  refused(*next, waiting(claim_of(2)));
  dead.reset();
  give_back(*holder, claim_of(0));
  take(*next, waiting(claim_of(2)));
}

TEST_CASE_TEMPLATE("a waiter that dies right after it was woken does not delay the next one", Place,
                   LocalPlace, RedisPlace) {
  const Place place;
  const auto holder = place.open();
  auto dead = place.open();
  const auto next = place.open();
  take(*holder, claim_of(0));
  refused(*dead, waiting(claim_of(1)));
  refused(*next, waiting(claim_of(2)));
  give_back(*holder, claim_of(0));
  dead.reset();
  CHECK(time_to_turn(*next, waiting(claim_of(2))) < claim_of(2).terms.ttl());
  take(*next, waiting(claim_of(2)));
}

TEST_CASE_TEMPLATE("the first waiter detects a dead holder", Place, LocalPlace, RedisPlace) {
  const Place place;
  auto holder = place.open();
  const auto waiter = place.open();
  take(*holder, claim_of(0));
  refused(*waiter, waiting(claim_of(1)));
  place.let_die(holder, claim_of(0));
  const Instant died = BootClock::now();
  for (;;) {
    auto answer = waiter->acquire(waiting(claim_of(1)), soon());
    REQUIRE(answer.ok());
    if (std::holds_alternative<Grant>(*answer)) break;
    time_to_turn(*waiter, waiting(claim_of(1)));
    REQUIRE(BootClock::now() - died < claim_of(0).terms.ttl());
  }
}

TEST_CASE_TEMPLATE("a wait ends at its timeout or when it is cancelled", Place, LocalPlace,
                   RedisPlace) {
  const Place place;
  const auto holder = place.open();
  const auto waiter = place.open();
  take(*holder, claim_of(0));
  refused(*waiter, waiting(claim_of(1)));
  const Duration slept = time_to_turn(*waiter, waiting(claim_of(1)), 100ms);
  CHECK(slept >= 100ms);
  CHECK(slept < 300ms);
  Cancelled interrupt;
  const Instant began = BootClock::now();
  waiter->await_turn(waiting(claim_of(1)), {began + 5s, &interrupt});
  CHECK(BootClock::now() - began < 300ms);
}
