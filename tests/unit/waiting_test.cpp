#include "core/waiting.h"

#include "core/holder.h"
#include "core/once.h"

#include <doctest/doctest.h>

using namespace dlock;
using namespace std::chrono_literals;

TEST_CASE("a further holder can enter as long as no holder's limit is exceeded") {
  const Limit one{1};
  const Limit two{2};
  const Limit three{3};
  const Limit any = Limit::shared();
  struct {
    Limit newcomer;
    std::vector<Limit> holders;
    bool may;
  } cases[] = {
      {one, {}, true},
      {any, {}, true},
      {one, {one}, false},
      {any, {one}, false},
      {one, {any}, false},
      {any, {any, any, any}, true},
      {two, {two}, true},
      {two, {two, two}, false},
      {three, {two}, true},
      {three, {two, three}, false},
      {two, {three, three}, false},
      {any, {two}, true},
      {any, {two, any}, false},
      {three, {three, three}, true},
  };
  for (const auto& [newcomer, holders, may] : cases) {
    CAPTURE(newcomer.most);
    CAPTURE(holders.size());
    CHECK(may_enter(newcomer, holders) == may);
  }
}

TEST_CASE("the first waiter checks when the liveness of the holder expires, not earlier") {
  CHECK(ask_again_in({.ahead = 0, .holder_ends_in = 2500ms}, 10s) == 2501ms);
  CHECK(ask_again_in({.ahead = 0, .holder_ends_in = 0ms}, 10s) == 1ms);
}

TEST_CASE("a waiter refreshes its place in the queue three times in each TTL") {
  CHECK(ask_again_in({.ahead = 7, .holder_ends_in = 10ms}, 9s) == 3s);
  CHECK(ask_again_in({.ahead = 0, .holder_ends_in = 8s}, 9s) == 3s);
  CHECK(ask_again_in({.ahead = 0}, 9s) == 3s);
}

TEST_CASE("a waiter checks when the waiter in front of it could have lost its place") {
  CHECK(ask_again_in({.ahead = 3, .ahead_ends_in = 700ms}, 60s) == 701ms);
  CHECK(ask_again_in({.ahead = 3, .ahead_ends_in = 50s}, 60s) == 20s);
  CHECK(ask_again_in({.ahead = 1, .ahead_ends_in = 0ms}, 60s) == 1ms);
}

TEST_CASE("a holder that sends no wake-up is polled twice a second, only by the first waiter") {
  CHECK(ask_again_in({.ahead = 0, .holder_ends_in = 8s, .holder_calls = false}, 10s) == 500ms);
  CHECK(ask_again_in({.ahead = 1, .holder_ends_in = 8s, .holder_calls = false}, 9s) == 3s);
}

TEST_CASE("a waiter without a place in the queue polls five times a second") {
  CHECK(ask_again_in({}, 10s) == 200ms);
}

TEST_CASE(
    "slots are counted from 1970, and begin half a minute early, short ones a quarter early") {
  const OncePer daily{24h};
  constexpr std::int64_t day = 86'400'000;
  CHECK(in_one_slot(daily, {20'000 * day - 30'000}, {20'001 * day - 30'001}));
  CHECK_FALSE(in_one_slot(daily, {20'000 * day - 30'001}, {20'000 * day - 30'000}));
  const OncePer minute{1min};
  CHECK(in_one_slot(minute, {60'000 - 15'000}, {120'000 - 15'001}));
  CHECK_FALSE(in_one_slot(minute, {60'000 - 15'001}, {60'000 - 15'000}));
}
