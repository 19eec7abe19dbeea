// How a lock is released on a store whose answers the case sets.
#include "supervise/release.h"

#include "os/clock.h"
#include "unit/fake_store.h"
#include "unit/noting_log.h"

#include <doctest/doctest.h>

#include <deque>

using namespace dlock;
using namespace dlock::supervise;
using namespace std::chrono_literals;

namespace {

/// Gives one answer for each release, and repeats the last one.
class ScriptedStore final : public test::FakeStore {
 public:
  using Answer = Result<ReleaseAnswer, StoreFault>;
  explicit ScriptedStore(std::deque<Answer> answers) : answers_(std::move(answers)) {
    on_release = [this](const CallDeadline& deadline) {
      until = deadline.until;
      REQUIRE_FALSE(answers_.empty());
      Answer answer = answers_.front();
      if (answers_.size() > 1) answers_.pop_front();
      return answer;
    };
  }

  Instant until{};

 private:
  std::deque<Answer> answers_;
};

const StoreFault no_answer{.sentence = "no answer", .worth_retrying = true};
const StoreFault not_sent{.sentence = "not sent", .not_applied = true, .worth_retrying = true};
const StoreFault refused{.sentence = "refused", .not_applied = true};

std::optional<ReleaseAnswer> release_to(ScriptedStore& store, test::NotingLog& log,
                                        Duration timeout = 2s) {
  const Claim claim{
      .key = *LockKey::parse("k"), .terms = {400ms, 5min}, .process = {}, .host = "web1"};
  return release_lock(store, claim, log, {.timeout = timeout});
}

}  // namespace

TEST_CASE(
    "a release without a reply is retried, and the lock that it may have released is not a loss") {
  test::NotingLog log;
  ScriptedStore lost_reply{{no_answer, ReleaseAnswer{Lost{}}}};
  const auto answer = release_to(lost_reply, log);
  REQUIRE(answer);
  CHECK(std::holds_alternative<Released>(*answer));
  CHECK(lost_reply.releases == 2);

  ScriptedStore lost_lock{{not_sent, ReleaseAnswer{Lost{}}}};
  const auto loss = release_to(lost_lock, log);
  REQUIRE(loss);
  CHECK(std::holds_alternative<Lost>(*loss));
  CHECK(log.said.empty());
}

TEST_CASE("a release is retried until its timeout") {
  test::NotingLog log;
  ScriptedStore away{{not_sent}};
  const Instant began = BootClock::now();
  CHECK_FALSE(release_to(away, log, 100ms).has_value());
  CHECK(BootClock::now() - began < 2s);
  CHECK(away.releases > 2);
  CHECK(away.until - began >= 100ms);
  CHECK(log.said.size() == 1);

  ScriptedStore refuses{{refused}};
  CHECK_FALSE(release_to(refuses, log).has_value());
  CHECK(refuses.releases == 1);
  CHECK(log.said.back().find("refused") != std::string::npos);
}
