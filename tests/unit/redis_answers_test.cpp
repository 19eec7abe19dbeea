// Replies that a correct server does not give: from a proxy, a broken or a malicious server.
#include "recorded_servers.h"
#include "store/redis/redis_inspector.h"
#include "store/redis/redis_store.h"

#include <doctest/doctest.h>

using namespace dlock;
using namespace dlock::redis;
using namespace std::chrono_literals;

namespace {

const LockKey job = *LockKey::parse("job");
const CallDeadline patience{RecordedServers::sent_at};
constexpr Duration century = 24h * 36525;

const std::string lock =
    R"({"ownerHash":"job@web1/1.2.3","processHash":"web1/1.2","acquiredAt":"2026-01-31T02:00:00.000Z"})";

std::string number(long long value) { return ":" + std::to_string(value) + "\r\n"; }
std::string text(const std::string& value) {
  return "$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
}
std::string array(std::initializer_list<std::string> items) {
  std::string bytes = "*" + std::to_string(items.size()) + "\r\n";
  for (const std::string& item : items) bytes += item;
  return bytes;
}

ScriptCaller caller(const std::string& replies) {
  return {std::make_unique<RecordedServers>(replies), {}};
}

Result<LockStatus, StoreFault> look(const std::string& replies) {
  return RedisInspector{caller(replies), "dlock:"}.inspect(job, patience);
}

/// The reply of look.lua for a lock with one holder.
std::string sight(long long pttl_of_lock, long long server_time, long long pttl_of_liveness) {
  return array({text("LOCK"), number(pttl_of_lock), number(server_time), text(""), number(0),
                array({array({text(lock), number(pttl_of_liveness), text("")})}), array({})});
}

}  // namespace

TEST_CASE("a time from a server is limited, so that no sum overflows") {
  constexpr long long most = std::numeric_limits<long long>::max();
  constexpr long long least = std::numeric_limits<long long>::min();
  const auto seen = look(sight(most, most, most));
  REQUIRE(seen);
  CHECK(seen->ends_in == century);
  CHECK(seen->holders[0].ends_in == century);
  CHECK(seen->holders[0].held_for == century);
  const auto early = look(sight(5000, least, 5000));
  REQUIRE(early);
  CHECK(early->holders[0].held_for == 0s);
}

namespace {

Claim claim_on(Limit limit = {}) {
  return {.key = job,
          .terms = {10s, 5min},
          .process = {"web2/17.4711"},
          .host = "web2",
          .pid = 17,
          .user = "root",
          .command = "true",
          .limit = limit};
}

RedisStore store(const std::string& replies, Slots slots = Slots::Any) {
  return {caller(replies), {.prefix = "dlock:", .slots = slots}};
}

/// The sentence of the fault, for a result of any kind.
template <class Answer>
std::string fault_of(const Result<Answer, StoreFault>& result) {
  return result ? "no fault" : result.error().sentence;
}

Result<UnlockAnswer, StoreFault> unlock(const std::string& replies) {
  const Unlocker by{"web2", 9, "root", "dlock unlock", {"web2/9.1"}};
  return RedisInspector{caller(replies), "dlock:"}.unlock(job, by, patience);
}

const std::string no_redis = "does not speak the Redis protocol";
const std::string error = "-NOAUTH Authentication required.\r\n";
const std::string wrong_type = "-WRONGTYPE Operation against a key\r\n";

}  // namespace

TEST_CASE("a reply that no script of dlock gives is neither a grant nor a refusal") {
  const Grant grant{.owner = {"job@web2/17.4711.1"}};
  for (const std::string& reply : {array({text("MAYBE")}), array({}), number(1), text("OK"),
                                   array({text("YOUNG")}), array({text("YOUNG"), number(-5)})}) {
    CAPTURE(reply);
    CHECK(fault_of(store(reply).acquire(claim_on(), patience)).find(no_redis) != std::string::npos);
    CHECK(fault_of(store(reply).renew(claim_on(), grant, patience)).find(no_redis) !=
          std::string::npos);
    CHECK(fault_of(store(reply).release(claim_on(), {}, patience)).find(no_redis) !=
          std::string::npos);
    CHECK(fault_of(look(reply)).find(no_redis) != std::string::npos);
    CHECK(fault_of(unlock(sight(1, 1, 1) + reply)).find(no_redis) != std::string::npos);
  }
  // Negative counts of holders and of waiters.
  for (const auto& [holders, ahead] : {std::pair{-1, 0}, {1, -1}}) {
    const std::string reply = array({text("HELD"), text(lock), number(5), number(holders),
                                     text("7"), number(ahead), number(-1), number(0)});
    CHECK(fault_of(store(reply).acquire(claim_on(), patience)).find(no_redis) != std::string::npos);
  }
  const std::string fewer_than_none =
      array({text("FREE"), number(-2), number(1), text(""), number(-1), array({}), array({})});
  CHECK(fault_of(look(fewer_than_none)).find(no_redis) != std::string::npos);
  const std::string done_by_nobody = array({text("DONE"), text("{}")});
  CHECK(fault_of(store(done_by_nobody).acquire(claim_on(), patience)).find(no_redis) !=
        std::string::npos);
  const std::string granted_to_nobody = array({text("OK"), text("{}")});
  CHECK(fault_of(store(granted_to_nobody).acquire(claim_on(), patience)).find("not a lock") !=
        std::string::npos);
}

TEST_CASE("an error reply or a missing reply is a fault at every step") {
  const Grant grant{.owner = {"job@web2/17.4711.1"}};
  for (const auto& [reply, sentence] :
       {std::pair{error, "requires a password"}, {std::string{}, "did not answer within 1s"}}) {
    CAPTURE(sentence);
    const auto is_in = [&](const std::string& fault) {
      return fault.find(sentence) != std::string::npos;
    };
    CHECK(is_in(fault_of(store(reply).acquire(claim_on(), patience))));
    CHECK(is_in(fault_of(store(reply).renew(claim_on(), grant, patience))));
    CHECK(is_in(fault_of(store(reply).release(claim_on(), {}, patience))));
    CHECK(is_in(fault_of(look(reply))));
    CHECK(is_in(fault_of(unlock(reply))));
    CHECK(is_in(fault_of(unlock(sight(1, 1, 1) + reply))));
    // The holder's liveness is on another node, and that node answers with a fault.
    CHECK(is_in(fault_of(look(sight(1, 1, -3) + reply))));
    CHECK(is_in(fault_of(look(sight(1, 1, -3) + number(-2) + reply))));
    const std::string held = array({text("HELD"), text(lock), number(-3), number(1), text("no")});
    CHECK(is_in(fault_of(store(held + reply, Slots::One).acquire(claim_on(), patience))));
  }
}

TEST_CASE("a key that no longer holds a lock is a loss, and is not released") {
  const Grant grant{.owner = {"job@web2/17.4711.1"}};
  const auto renewed = store(wrong_type).renew(claim_on(), grant, patience);
  REQUIRE(renewed);
  CHECK(std::get<Lost>(*renewed).how == "its key has a value that is not a lock");
  const auto released = store(wrong_type).release(claim_on(), {}, patience);
  REQUIRE(released);
  CHECK(std::get<Lost>(*released).how == "its key has a value that is not a lock");
  const auto garbled =
      store(array({text("LOST"), text("no json")})).renew(claim_on(), grant, patience);
  REQUIRE(garbled);
  CHECK(std::get<Lost>(*garbled).how == "its key has a value that is not a lock");
}

TEST_CASE("a holder that released the lock between two queries is not reported as dead") {
  const std::string nobody =
      array({text("LOCK"), number(-2), number(1), text(""), number(0), array({}), array({})});
  const auto seen = look(sight(1, 1, -3) + number(-2) + nobody);
  REQUIRE(seen);
  CHECK(seen->state() == LockStatus::State::Free);
  const auto dead = look(sight(1, 1, -3) + number(-2) + sight(1, 1, -3));
  REQUIRE(dead);
  CHECK(dead->state() == LockStatus::State::Dead);
}

TEST_CASE("an unlock gives up on a lock that changes hands again and again") {
  std::string replies;
  for (int attempt = 0; attempt < 5; ++attempt)
    replies += sight(1, 1, 1) + array({text("CHANGED")});
  CHECK(fault_of(unlock(replies)).find("changed again and again") != std::string::npos);
  CHECK(fault_of(unlock(sight(1, 1, 1) + array({text("NOTALOCK")}))).find("not a lock") !=
        std::string::npos);
}

namespace {

const std::string between_nodes = "-TRYAGAIN Multiple keys request during rehashing of slot\r\n";

/// A store that has a share of the lock and then gets these replies.
RedisStore sharing(const std::string& replies) {
  const std::string granted = array({text("OK"), text(lock), number(1), text("web2/17.47110")});
  RedisStore shared = store(granted + replies);
  REQUIRE(shared.acquire(claim_on(Limit::shared()), patience));
  return shared;
}

const std::string group = R"({"ownerHash":"g","processHash":"web2/17.47110"})";

}  // namespace

TEST_CASE("while its slot migrates, a share is lost with its group or with its own entry") {
  const Grant grant{.owner = {"job@web1/1.2.3"}};
  const std::string stranger = R"({"ownerHash":"x","processHash":"web9/1.2"})";
  for (const auto& [of_the_lock, of_ours] :
       {std::pair{stranger, lock}, {group, stranger}, {group, std::string{}}}) {
    CAPTURE(of_ours);
    RedisStore shared = sharing(between_nodes + text(of_the_lock) + text(of_ours));
    const auto renewed = shared.renew(claim_on(Limit::shared()), grant, patience);
    REQUIRE(renewed);
    CHECK(std::holds_alternative<Lost>(*renewed));
  }
  RedisStore shared = sharing(between_nodes + text(group) + text(lock) + number(1) + number(1) +
                              number(1) + number(1));
  const auto renewed = shared.renew(claim_on(Limit::shared()), grant, patience);
  REQUIRE(renewed);
  CHECK(std::holds_alternative<Extended>(*renewed));
}

TEST_CASE("while its slot migrates, a share that is kept keeps the lock, its entry and the group") {
  const std::string kept = number(1);
  RedisStore shared = sharing(between_nodes + kept + number(1) + number(1) + number(1));
  const auto released = shared.release(claim_on(Limit::shared()), {.keep = 5s}, patience);
  REQUIRE(released);
  CHECK(std::holds_alternative<Released>(*released));
  RedisStore silent = sharing(between_nodes + kept + number(1) + number(1));
  CHECK(fault_of(silent.release(claim_on(Limit::shared()), {.keep = 5s}, patience))
            .find("did not answer") != std::string::npos);
}
