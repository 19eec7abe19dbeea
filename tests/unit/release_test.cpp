// How a lock is given back to a store that answers, or does not, as the case says.
#include "supervise/release.h"

#include "os/clock.h"

#include <doctest/doctest.h>

#include <deque>

using namespace dlock;
using namespace dlock::supervise;
using namespace std::chrono_literals;

namespace {

class FakeStore final : public Store {
 public:
  using Answer = Result<ReleaseAnswer, StoreFault>;
  explicit FakeStore(std::deque<Answer> answers) : answers_(std::move(answers)) {}

  Result<ReleaseAnswer, StoreFault> release(const Claim&, const ReleaseOptions&,
                                            const CallDeadline& patience) override {
    ++releases;
    until = patience.until;
    REQUIRE_FALSE(answers_.empty());
    Answer answer = answers_.front();
    if (answers_.size() > 1) answers_.pop_front();  // the last one again and again
    return answer;
  }
  Result<AcquireAnswer, StoreFault> acquire(const Claim&, const CallDeadline&) override {
    return StoreFault{};
  }
  Result<RenewAnswer, StoreFault> renew(const Claim&, const Grant&, const CallDeadline&) override {
    return StoreFault{};
  }
  void await_loss(const Claim&, const Grant&, const CallDeadline&) override {}
  void await_turn(const Claim&, const CallDeadline&) override {}
  void leave_queue(const Claim&, const CallDeadline&) override {}
  std::string name() const override { return "fake"; }

  int releases = 0;
  Instant until{};

 private:
  std::deque<Answer> answers_;
};

class NotingLog final : public Log {
 public:
  void say(LogLevel, const std::string& text) override { said.push_back(text); }
  std::vector<std::string> said;
};

const StoreFault no_answer{.sentence = "no answer", .worth_retrying = true};
const StoreFault not_sent{.sentence = "not sent", .not_applied = true, .worth_retrying = true};
const StoreFault refused{.sentence = "refused", .not_applied = true};

std::optional<ReleaseAnswer> release_to(FakeStore& store, NotingLog& log, Duration timeout = 2s) {
  const Claim claim{
      .key = *LockKey::parse("k"), .terms = {400ms, 5min}, .process = {}, .host = "web1"};
  return release_lock(store, claim, log, {.timeout = timeout});
}

}  // namespace

TEST_CASE("a release without an answer is tried again, and what it may have done is no loss") {
  NotingLog log;
  FakeStore lost_reply{{no_answer, ReleaseAnswer{Lost{}}}};
  const auto answer = release_to(lost_reply, log);
  REQUIRE(answer);
  CHECK(std::holds_alternative<Released>(*answer));
  CHECK(lost_reply.releases == 2);

  FakeStore lost_lock{{not_sent, ReleaseAnswer{Lost{}}}};
  const auto loss = release_to(lost_lock, log);
  REQUIRE(loss);
  CHECK(std::holds_alternative<Lost>(*loss));
  CHECK(log.said.empty());
}

TEST_CASE("a release is tried until its timeout, and no longer") {
  NotingLog log;
  FakeStore away{{not_sent}};
  const Instant began = BootClock::now();
  CHECK_FALSE(release_to(away, log, 100ms).has_value());
  CHECK(BootClock::now() - began < 2s);
  CHECK(away.releases > 2);
  CHECK(away.until - began >= 100ms);
  CHECK(log.said.size() == 1);

  FakeStore refuses{{refused}};
  CHECK_FALSE(release_to(refuses, log).has_value());
  CHECK(refuses.releases == 1);
  CHECK(log.said.back().find("refused") != std::string::npos);
}
