// What `dlock unlock` and `dlock list` wait for and print, with a store whose answers the case
// sets.
#include "operate/show.h"
#include "operate/unlock.h"
#include "unit/noting_log.h"

#include <doctest/doctest.h>

#include <deque>
#include <map>

using namespace dlock;
using namespace dlock::operate;
using namespace std::chrono_literals;
using Life = HolderStatus::Life;

namespace {

class FakeInspector final : public Inspector {
 public:
  Result<LockStatus, StoreFault> inspect(const LockKey& key, const CallDeadline&) override {
    ++looks;
    const auto known = locks.find(key.bytes());
    if (known == locks.end() || known->second.empty()) return LockStatus{.key = key.bytes()};
    LockStatus lock = known->second.front();
    known->second.pop_front();
    return lock;
  }
  Result<KeysFound, StoreFault> keys(const CallDeadline&) override { return found; }
  Result<UnlockAnswer, StoreFault> unlock(const LockKey&, const Unlocker& by,
                                          const CallDeadline&) override {
    forced.push_back(by.by_force);
    return answer;
  }
  std::string name() const override { return "fake"; }

  std::map<std::string, std::deque<LockStatus>>
      locks;  // the answers to successive queries of a key
  KeysFound found;
  UnlockAnswer answer = WasFree{};
  std::vector<bool> forced;
  int looks = 0;
};

HolderStatus holder(const std::string& process, Life life = Life::Alive) {
  HolderStatus status{.life = life};
  status.holder.owner.text = "k@" + process + ".1";
  status.holder.process.text = process;
  status.holder.host = "web1";
  status.holder.token.value = 7;
  status.holder.forced = life == Life::Forced;
  return status;
}

LockStatus held_by(HolderStatus status) { return {.key = "k", .holders = {std::move(status)}}; }

Unlocked unlock_by_force(FakeInspector& inspector) {
  test::NotingLog log;
  auto unlocked = unlock(inspector, {.key = *LockKey::parse("k"), .by = {.by_force = true}}, log);
  REQUIRE(unlocked.ok());
  return *unlocked;
}

}  // namespace

TEST_CASE("a forced unlock reports the job as gone only after its tombstone has disappeared") {
  FakeInspector inspector;
  inspector.answer = Forced{{holder("h/1.2")}};
  inspector.locks["k"] = {held_by(holder("h/1.2", Life::Forced)),
                          held_by(holder("h/1.2", Life::Forced))};
  const Unlocked unlocked = unlock_by_force(inspector);
  CHECK(unlocked.exit_code == 0);
  CHECK(unlocked.sentence.find("confirms that its job is gone") != std::string::npos);
  CHECK(inspector.looks == 3);
}

TEST_CASE("a tombstone in the place of another holder is not waited for") {
  FakeInspector inspector;
  inspector.answer = Forced{{holder("h/1.2")}};
  inspector.locks["k"].assign(3, held_by(holder("h/3.4", Life::Forced)));
  CHECK(unlock_by_force(inspector).exit_code == 0);
  CHECK(inspector.looks == 1);
}

TEST_CASE(
    "a holder that does not answer a forced unlock is unconfirmed, and its remains are freed") {
  FakeInspector inspector;
  inspector.answer = Forced{{holder("h/1.2")}};
  HolderStatus mark = holder("h/1.2", Life::Forced);
  mark.life = Life::Dead;
  inspector.locks["k"] = {held_by(mark)};
  const Unlocked unlocked = unlock_by_force(inspector);
  CHECK(unlocked.exit_code == static_cast<int>(ExitCode::LockUnconfirmed));
  CHECK(unlocked.sentence.find("web1") != std::string::npos);
  CHECK(inspector.forced == std::vector<bool>{true, false});
}

TEST_CASE("an unlock that is declined at the prompt frees nothing") {
  for (const bool yes : {false, true}) {
    CAPTURE(yes);
    FakeInspector inspector;
    inspector.locks["k"] = {held_by(holder("h/1.2"))};
    int questions = 0;
    test::NotingLog log;
    auto unlocked = unlock(inspector,
                           {.key = *LockKey::parse("k"),
                            .by = {.by_force = true},
                            .ask =
                                [&](const std::string&) {
                                  ++questions;
                                  return yes;
                                }},
                           log);
    REQUIRE(unlocked.ok());
    CHECK(questions == 1);
    CHECK(inspector.forced.empty() != yes);
  }
}

TEST_CASE("a list has all locks that are held or waited for, and names what it could not query") {
  FakeInspector inspector;
  inspector.found.keys = {"free", "held", "waited for", "other"};
  inspector.locks["held"] = {held_by(holder("h/1.2"))};
  inspector.locks["waited for"] = {{.key = "waited for", .waiting = 1}};
  inspector.locks["other"] = {held_by(holder("h/3.4"))};
  inspector.found.unasked.push_back({.sentence = "node 2 is away"});
  auto listing = find_locks(inspector, {.keys = {}, .pattern = "[hw]*"}, {});
  REQUIRE(listing.ok());
  CHECK(listing->locks.size() == 2);
  CHECK(what_is_missing(*listing) == "some locks may be missing: node 2 is away");
}
