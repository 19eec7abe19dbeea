// What the embedded store promises beyond the contract: it has many files, and no server that does
// several things at once.
#include "contract/places.h"
#include "store/inspector.h"
#include "store/local/lock_file.h"
#include "store/lock_json.h"

#include <fstream>
#include <set>
#include <thread>

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

std::set<std::string> tickets(const LocalPlace& place) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator{place.directory + "/backup.queue"})
    names.insert(entry.path().filename());
  return names;
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

TEST_CASE("no ticket of the queue is given twice, also when nobody waits in between") {
  const LocalPlace place;
  const auto holder = place.open();
  take(*holder, claim_of(0));
  std::set<std::string> given;
  for (int run = 1; run <= 5; ++run) {
    const auto waiter = place.open();
    refused(*waiter, waiting(claim_of(run)));
    for (const std::string& ticket : tickets(place)) CHECK(given.insert(ticket).second);
    waiter->leave_queue(waiting(claim_of(run)), soon());
    CHECK(tickets(place).empty());
  }
}

TEST_CASE("a file that has another's name by now is not the one that is removed") {
  const LocalPlace place;
  const std::string path = place.directory + "/file";
  const auto old = local::LockFile::open(path);
  REQUIRE(old.ok());
  std::filesystem::remove(path);
  const auto other = local::LockFile::open(path);
  REQUIRE(other.ok());
  old->remove();
  CHECK(other->in_place());
  other->remove();
  CHECK_FALSE(other->in_place());
}

TEST_CASE("a waiter whose file was removed by hand comes back to the end of the queue") {
  const LocalPlace place;
  const auto holder = place.open();
  const auto removed = place.open();
  const auto other = place.open();
  take(*holder, claim_of(0));
  refused(*removed, waiting(claim_of(1)));
  std::filesystem::remove(place.directory + "/backup.queue/" + *tickets(place).begin());
  refused(*other, waiting(claim_of(2)));
  refused(*removed, waiting(claim_of(1)));
  CHECK(tickets(place).size() == 2);
  give_back(*holder, claim_of(0));
  refused(*removed, waiting(claim_of(1)));
  take(*other, waiting(claim_of(2)));
}

TEST_CASE("a dead holder's lock is free, though somebody looks at it at that moment") {
  using local::LockFile;
  struct {
    LockFile::Mode others;
    std::chrono::milliseconds look;
    Claim wanted;
  } const cases[] = {{LockFile::Mode::Shared, 10ms, claim_of(2)},
                     {LockFile::Mode::Exclusive, 1ms, sharing(claim_of(2))}};
  for (const auto& [others, look, wanted] : cases) {
    CAPTURE(wanted.limit.most);
    const LocalPlace place;
    auto dead = place.open();
    take(*dead, claim_of(1));
    dead.reset();
    const auto eye = LockFile::open(place.directory + "/backup.lock");
    REQUIRE(eye.ok());
    // The machine may be so busy that a look lasts for long; not each time.
    bool taken = false;
    for (int attempt = 0; attempt < 50 && !taken; ++attempt) {
      REQUIRE(eye->try_lock(others));
      std::thread looker{[&eye = *eye, look = look] {
        std::this_thread::sleep_for(look);
        eye.unlock();
      }};
      auto answer = place.open()->acquire(wanted, soon());
      looker.join();
      REQUIRE(answer.ok());
      taken = std::holds_alternative<Grant>(*answer);
    }
    CHECK(taken);
  }
}

TEST_CASE("who holds a lock is told at once, whatever is asked for") {
  for (const Claim& held : {claim_of(1), sharing(claim_of(1), {2})}) {
    for (const Claim& wanted :
         {claim_of(2), sharing(claim_of(2), {2}), sharing(claim_of(2), {1})}) {
      if (!held.limit.is_exclusive() && wanted.limit == held.limit) continue;
      CAPTURE(held.limit.most);
      CAPTURE(wanted.limit.most);
      const LocalPlace place;
      const auto holder = place.open();
      take(*holder, held);
      Duration quickest = 1s;
      for (int attempt = 0; attempt < 10; ++attempt) {
        const Instant began = BootClock::now();
        CHECK(refused(*place.open(), wanted).holder.pid == 101);
        quickest = std::min(quickest, BootClock::now() - began);
      }
      CHECK(quickest < 10ms);
    }
  }
}

TEST_CASE("a value of any length is read to its end") {
  for (const Limit limit : {Limit{}, Limit{2}}) {
    CAPTURE(limit.most);
    const LocalPlace place;
    Claim talkative = sharing(claim_of(1), limit);
    talkative.note = std::string(40'000, 'x');
    const auto store = place.open();
    take(*store, talkative);
    CHECK(refused(*place.open(), claim_of(2)).holder.note == talkative.note);
    give_back(*store, talkative, {.keep = 1h});
    CHECK(refused(*place.open(), claim_of(2)).holder.only_kept);
  }
}
