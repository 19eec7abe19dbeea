#include "store/redis/redis_store.h"

#include "core/wall_clock.h"
#include "store/lock_json.h"
#include "store/redis/faults.h"

namespace dlock::redis {
namespace {

std::string ms(Duration duration) { return std::to_string(whole_ms(duration)); }

Lost lost_to(std::string_view lock_value) {
  if (lock_value.empty()) return {"it was deleted or has expired"};
  const auto holder = parse_lock_json(lock_value);
  return {holder ? "it was taken over by " + describe(*holder)
                 : "its key holds something that is not a lock"};
}

}  // namespace

Result<RedisStore::Answer, StoreFault> RedisStore::run(const Script& script,
                                                       const std::vector<std::string>& keys,
                                                       const std::vector<std::string>& arguments,
                                                       const Patience& patience) {
  if (auto open = connection_.ensure_open(patience); !open) return open.error();
  const std::string key_count = std::to_string(keys.size());
  std::vector<std::string_view> words{"EVALSHA", script.sha1, key_count};
  words.insert(words.end(), keys.begin(), keys.end());
  words.insert(words.end(), arguments.begin(), arguments.end());

  Instant sent_at = BootClock::now();
  auto reply = connection_.ask(words, patience);
  if (reply && reply->is_error() && reply->text.starts_with("NOSCRIPT")) {
    words[0] = "EVAL";
    words[1] = script.text;
    sent_at = BootClock::now();
    reply = connection_.ask(words, patience);
  }
  if (!reply) return reply.error();
  return Answer{std::move(*reply), sent_at};
}

Result<RedisStore::Answer, StoreFault> RedisStore::try_acquire(const Claim& claim,
                                                               const Holder* seen,
                                                               const Patience& patience) {
  const OwnerHash owner = make_owner_hash(claim.key, claim.process, ++attempt_, claim.trace);
  const std::string now = iso_now();
  const auto least_uptime = std::chrono::ceil<std::chrono::seconds>(claim.terms.ttl()).count() + 1;
  std::vector<std::string> keys{lock_key(claim.key), liveness_key(claim.process),
                                token_key(claim.key)};
  std::vector<std::string> arguments{
      lock_json(claim, owner, now, now, {}),
      claim.process.text,
      liveness_json(now),
      ms(claim.terms.lock_ttl()),
      ms(claim.terms.ttl()),
      restart_ == Restart::Trust ? "0" : std::to_string(least_uptime)};
  if (seen != nullptr) {
    keys.push_back(liveness_key(seen->process));
    arguments.push_back(seen->owner.text);
  }
  return run(acquire_script, keys, arguments, patience);
}

Result<AcquireAnswer, StoreFault> RedisStore::acquire(const Claim& claim,
                                                      const Patience& patience) {
  // The first question names no holder, because none is known. A refusal names one, and the second
  // asks for that holder's liveness as well. Holders that change in between are bounded.
  constexpr int most_questions = 5;
  std::optional<Holder> seen;
  for (int question = 0; question < most_questions; ++question) {
    auto answer = try_acquire(claim, seen ? &*seen : nullptr, patience);
    if (!answer) return answer.error();
    const Reply& reply = answer->reply;
    if (reply.is_error()) return error_reply(name(), reply.text);

    const std::string_view verdict = reply.text_at(0);
    if (verdict == "YOUNG")
      return AcquireAnswer{TooYoung{std::chrono::seconds{reply.integer_at(1)}}};
    std::optional<Holder> holder = parse_lock_json(reply.text_at(1));
    if (verdict == "NOTALOCK" || ((verdict == "OK" || verdict == "HELD") && !holder)) {
      return not_a_lock(name(), lock_key(claim.key));
    }
    if (verdict == "OK") {
      return AcquireAnswer{Grant{holder->owner, holder->token, holder->acquired_at,
                                 claim.terms.stop_by(answer->sent_at)}};
    }
    if (verdict != "HELD") return not_redis(name());
    constexpr long long not_asked = -3;
    const bool alive = reply.integer_at(3) != not_asked;
    seen = std::move(holder);
    if (alive) break;
  }
  return AcquireAnswer{Held{std::move(*seen)}};
}

Result<RenewAnswer, StoreFault> RedisStore::renew(const Claim& claim, const Grant& grant,
                                                  const Patience& patience) {
  const std::string now = iso_now();
  auto answer =
      run(renew_script, {lock_key(claim.key), liveness_key(claim.process)},
          {grant.owner.text, lock_json(claim, grant.owner, grant.acquired_at, now, grant.token),
           liveness_json(now), ms(claim.terms.lock_ttl()), ms(claim.terms.ttl()),
           lapse_ == Lapse::IsRevived ? "1" : "0"},
          patience);
  if (!answer) return answer.error();
  const Reply& reply = answer->reply;
  if (reply.is_error()) {
    if (is_wrong_type(reply.text))
      return RenewAnswer{Lost{"its key holds something that is not a lock"}};
    return error_reply(name(), reply.text);
  }
  const std::string_view verdict = reply.text_at(0);
  if (verdict == "OK") return RenewAnswer{Extended{claim.terms.stop_by(answer->sent_at)}};
  if (verdict == "LOST" || verdict == "NOTALOCK") return RenewAnswer{lost_to(reply.text_at(1))};
  if (verdict == "LAPSED")
    return RenewAnswer{Lost{"its liveness key is gone: deleted, evicted, or expired"}};
  return not_redis(name());
}

Result<ReleaseAnswer, StoreFault> RedisStore::release(const Claim& claim,
                                                      const Patience& patience) {
  auto answer = run(release_script, {lock_key(claim.key), liveness_key(claim.process)},
                    {claim.process.text}, patience);
  if (!answer) return answer.error();
  const Reply& reply = answer->reply;
  if (reply.is_error()) {
    if (is_wrong_type(reply.text))
      return ReleaseAnswer{Lost{"its key holds something that is not a lock"}};
    return error_reply(name(), reply.text);
  }
  const std::string_view verdict = reply.text_at(0);
  if (verdict == "OK") return ReleaseAnswer{Released{}};
  if (verdict == "LOST" || verdict == "NOTALOCK") return ReleaseAnswer{lost_to(reply.text_at(1))};
  return not_redis(name());
}

}  // namespace dlock::redis
