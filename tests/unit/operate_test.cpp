#include "core/identity.h"
#include "core/iso_time.h"
#include "operate/owner.h"
#include "operate/screen.h"
#include "operate/show.h"
#include "operate/status_text.h"
#include "store/lock_json.h"

#include <doctest/doctest.h>

using namespace dlock;
using namespace dlock::operate;
using namespace std::chrono_literals;
using Life = HolderStatus::Life;
using State = LockStatus::State;

namespace {

LockStatus lock_with(std::vector<Life> lives) {
  LockStatus lock{.key = "k"};
  int number = 0;
  for (const Life life : lives)
    lock.holders.push_back(
        {.holder = {.owner = {"k@h/1.2." + std::to_string(number++)}}, .life = life});
  return lock;
}

}  // namespace

TEST_CASE("the state of a lock is the state of its most alive holder") {
  CHECK(lock_with({}).state() == State::Free);
  CHECK(lock_with({Life::Dead}).state() == State::Dead);
  CHECK(lock_with({Life::Dead, Life::HeldByMinHold}).state() == State::HeldByMinHold);
  CHECK(lock_with({Life::Dead, Life::HeldByMinHold, Life::Alive}).state() == State::Held);
  CHECK(lock_with({Life::Forced, Life::Dead}).state() == State::Held);
  LockStatus other = lock_with({});
  other.not_a_lock = true;
  CHECK(other.state() == State::NotALock);
}

TEST_CASE("the exit code of a query: held outranks dead, dead outranks free") {
  using List = std::vector<LockStatus>;
  CHECK(exit_code_of(List{}) == 0);
  CHECK(exit_code_of(List{lock_with({}), lock_with({})}) == 0);
  CHECK(exit_code_of(List{lock_with({}), lock_with({Life::Dead})}) == 1);
  CHECK(exit_code_of(List{lock_with({Life::Dead}), lock_with({Life::HeldByMinHold})}) == 75);
  CHECK(exit_code_of(List{lock_with({Life::Alive}), lock_with({Life::Dead})}) == 75);
}

TEST_CASE("an owner hash has one of five states") {
  const OwnerHash ours{"k@h/1.2.0"};
  CHECK(state_of(ours, {}) == OwnerState::Malformed);
  CHECK(state_of(ours, lock_with({})) == OwnerState::NoKey);
  CHECK(state_of(ours, lock_with({Life::Alive})) == OwnerState::Running);
  CHECK(state_of(ours, lock_with({Life::Dead})) == OwnerState::NoRunningProcess);
  CHECK(state_of(ours, lock_with({Life::HeldByMinHold})) == OwnerState::NoRunningProcess);
  CHECK(state_of({"k@h/1.2.9"}, lock_with({Life::Alive})) == OwnerState::SomeoneElseHoldsLock);
}

TEST_CASE("an owner hash is parsed as by the expression of the Node library") {
  const auto parsed = parse_owner_hash("a@b@web1{x}/12.345.6#trace@h/1");
  REQUIRE(parsed);
  CHECK(parsed->key == "a@b");
  CHECK(parsed->process.text == "web1{x}/12.345");
  // Of several @ the last one that matches.
  CHECK(parse_owner_hash("k@h/1.2.3#@i/4.5.6")->key == "k@h/1.2.3#");
  for (const char* malformed : {"", "k", "k@", "@h/1.2.3", "k@/1.2.3", "k@h/1.2", "k@h/1.2.3x",
                                "k@h/.2.3", "k@h/1..3", "k@h/1.2."})
    CHECK_MESSAGE(!parse_owner_hash(malformed), malformed);
}

TEST_CASE("a time is parsed back from its own text, and any other text is refused") {
  for (const std::int64_t ms : {std::int64_t{0}, std::int64_t{951782399999},
                                std::int64_t{1795604798566}, std::int64_t{4102444800000}})
    CHECK(parse_iso(iso_of({ms}))->ms == ms);
  CHECK(iso_of({std::numeric_limits<std::int64_t>::min()}) == "0000-01-01T00:00:00.000Z");
  CHECK(iso_of({std::numeric_limits<std::int64_t>::max()}) == "9999-12-31T23:59:59.999Z");
  for (const char* other :
       {"", "now", "2026-01-31T02:00:00Z", "2026-13-31T02:00:00.000Z", "2026-02-30T02:00:00.000Z",
        "2026-01-31 02:00:00.000Z", "2026-01-31T02:00:00.000+", "2026-01-31T02:00:00.0000Z",
        "2026-01-31T24:00:00.000Z", "2026-01-31T02:60:00.000Z", "2026-01-31T02:00:60.000Z"})
    CHECK_MESSAGE(!parse_iso(other), other);
}

TEST_CASE("the age of a time is at least zero and at most a century") {
  const std::string moment = "2026-01-31T02:00:00.000Z";
  const StoreTime then = *parse_iso(moment);
  CHECK(since(moment, {then.ms + 1500}) == Duration{1500ms});
  CHECK(since(moment, {then.ms - 1500}) == Duration{0});
  CHECK(since("0001-01-01T00:00:00.000Z", then) == Duration{36525 * 24h});
  CHECK(since(moment, {std::numeric_limits<std::int64_t>::max()}) == Duration{36525 * 24h});
  CHECK(since(moment, {std::numeric_limits<std::int64_t>::min()}) == Duration{0});
  CHECK_FALSE(since("now", then).has_value());
}

TEST_CASE("a duration is printed with a readable precision") {
  for (const auto& [duration, text] :
       std::vector<std::pair<Duration, const char*>>{{0ms, "0.0s"},
                                                     {1234ms, "1.2s"},
                                                     {9999ms, "9.9s"},
                                                     {10s, "10s"},
                                                     {60s, "1m"},
                                                     {303s, "5m3s"},
                                                     {2h + 5min + 59s, "2h5m"},
                                                     {49h, "2d1h"},
                                                     {48h, "2d"}})
    CHECK(roughly(duration) == text);
}

TEST_CASE("text is cut by columns, not by bytes") {
  CHECK(columns("abc") == 3);
  CHECK(columns("\u00fc\u00fc") == 2);
  CHECK(columns("\u6f22\u5b57") == 4);
  CHECK(cut_to("abcdef", 6) == "abcdef");
  CHECK(cut_to("abcdef", 4) == "abc\u2026");
  CHECK(cut_to("\u6f22\u5b57", 3) == "\u6f22\u2026");
  CHECK(cut_to("abc", 0).empty());
}

TEST_CASE("a table is aligned, and cut at the right edge of the terminal") {
  Table table{{"KEY", "COMMAND"}};
  table.add({{"a"}, {"sleep 60"}});
  table.add({{"long key"}, {"true"}});
  CHECK(table.text({}) == "KEY       COMMAND\na         sleep 60\nlong key  true\n");
  CHECK(table.text({.width = 14}) == "KEY       COM\u2026\na         sle\u2026\nlong key  true\n");
  CHECK(table.text({.width = 5}) == "KEY\na\nlong\u2026\n");
  CHECK(table.text({.colours = true}).find("\033[1mKEY\033[0m       ") == 0);
}

TEST_CASE("a tombstone takes the place of the holder and is parsed as a tombstone") {
  const Holder by{.owner = {"k@i/5.6.7"},
                  .acquired_at = "now",
                  .host = "i",
                  .pid = 5,
                  .command = "dlock unlock --force"};
  const HolderStatus from{.holder = {.process = {"h/1.2"}, .token = {9}, .limit = Limit::shared()}};
  const auto mark = parse_lock_json(forced_lock_json(by, from));
  REQUIRE(mark);
  CHECK(mark->forced);
  CHECK(mark->owner == by.owner);
  CHECK(mark->process == from.holder.process);
  CHECK(mark->token == from.holder.token);
  CHECK(mark->limit == from.holder.limit);
  CHECK(mark->host == "i");
}
