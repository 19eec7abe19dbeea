// Places for locks, new for each case, where any number of stores can be opened; and the requests
// of the cases.
#pragma once

#include "contract/own_directory.h"
#include "contract/redis_process.h"
#include "os/clock.h"
#include "store/inspector.h"
#include "store/open.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <memory>
#include <string>

namespace dlock::test {

using namespace std::chrono_literals;

inline CallDeadline soon() { return {BootClock::now() + 5s}; }

struct LocalPlace {
  ~LocalPlace() { std::filesystem::remove_all(directory); }
  std::unique_ptr<Store> open() const { return make_store({LocalAddress{directory}, "", false}); }
  void take_lock_away(const std::string& key) const {
    std::filesystem::remove(directory + "/" + key + ".lock");
  }
  /// As after a power failure.
  void let_die(std::unique_ptr<Store>& store, const Claim&) const { store.reset(); }
  const std::string directory = make_own_directory();
};

struct RedisPlace {
  std::unique_ptr<Store> open() const {
    return make_store({*parse_store_address(server.url()), "t:", true});
  }
  void take_lock_away(const std::string& key) const { server.ask("DEL t:lock:" + key); }
  void let_die(std::unique_ptr<Store>& store, const Claim& claim) const {
    store.reset();
    server.ask("DEL t:proc:" + claim.process.text);
  }
  test::RedisProcess server;
};

inline Claim claim_of(int run, const std::string& key = "backup") {
  return {.key = *LockKey::parse(key),
          .terms = {2s, 10s},
          .process = make_process_hash("host", 100 + run, static_cast<std::uint64_t>(run)),
          .host = "host",
          .pid = 100 + run,
          .user = "me",
          .command = "job " + std::to_string(run),
          .trace = {},
          .note = {}};
}

/// The author of an unlock.
inline Unlocker by_force() {
  return {.host = "host",
          .pid = 900,
          .user = "operator",
          .command = "dlock unlock --force",
          .process = make_process_hash("host", 900, 9),
          .by_force = true};
}

inline Grant take(Store& store, const Claim& claim) {
  auto answer = store.acquire(claim, soon());
  REQUIRE(answer.ok());
  REQUIRE(std::holds_alternative<Grant>(*answer));
  return std::get<Grant>(*answer);
}

inline Claim waiting(Claim claim) {
  claim.waits = true;
  return claim;
}

inline Claim sharing(Claim claim, Limit limit = Limit::shared()) {
  claim.limit = limit;
  return claim;
}

/// The refusal with the holder. The claim must be refused.
inline Held refused(Store& store, const Claim& claim) {
  auto answer = store.acquire(claim, soon());
  REQUIRE(answer.ok());
  REQUIRE(std::holds_alternative<Held>(*answer));
  return std::get<Held>(std::move(*answer));
}

inline void give_back(Store& store, const Claim& claim, const ReleaseOptions& farewell = {}) {
  auto answer = store.release(claim, farewell, soon());
  REQUIRE(answer.ok());
  REQUIRE(std::holds_alternative<Released>(*answer));
}

/// Repeats an attempt until it was in time: on a slow machine a short lifetime can end before the
/// reply arrives.
template <class Attempt>
void repeat_until(Attempt in_time) {
  int attempts = 0;
  while (!in_time()) REQUIRE(++attempts < 20);
}

/// How long a waiting claim waits until it should try again.
inline Duration time_to_turn(Store& store, const Claim& claim, Duration patience = 5s) {
  const Instant began = BootClock::now();
  store.await_turn(claim, {began + patience});
  return BootClock::now() - began;
}

template <class Answer, class Call>
bool is(Call&& call) {
  auto answer = call();
  REQUIRE(answer.ok());
  return std::holds_alternative<Answer>(*answer);
}

}  // namespace dlock::test
