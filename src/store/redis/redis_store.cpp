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

const Lost lapsed{"its liveness key is gone: deleted, evicted, or expired"};

/// The slot is on its way from one node to another, and has some of the keys here and some there.
bool is_between_nodes(const Result<Answer, StoreFault>& answer) {
  return answer && answer->reply.is_error() && answer->reply.text.starts_with("TRYAGAIN");
}

constexpr long long no_such_key = -2;  // what PTTL says
constexpr long long not_asked = -3;    // what our scripts say

}  // namespace

const LockKeys& RedisStore::keys_of(const LockKey& key) {
  if (!keys_ || keys_for_ != key.bytes()) {
    keys_.emplace(setting_.prefix, key);
    keys_for_ = key.bytes();
  }
  return *keys_;
}

std::string RedisStore::least_uptime(const Claim& claim) const {
  if (setting_.restart == Restart::Trust) return "0";
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(claim.terms.ttl()).count() + 1);
}

bool RedisStore::reached_by_script(const Claim& claim, const Holder& holder) {
  const LockKeys& keys = keys_of(claim.key);
  if (setting_.slots == Slots::Any) return true;
  return !slot_migrates_ && keys.in_our_slot(keys.liveness(holder.process));
}

Result<bool, StoreFault> RedisStore::is_alive(const Claim& claim, const Holder& holder,
                                              const Patience& patience) {
  auto answer = caller_.call({"PTTL", keys_of(claim.key).liveness(holder.process)}, patience,
                             Confirmation::NotNeeded);
  if (!answer) return answer.error();
  if (answer->reply.is_error()) return error_reply(answer->server, answer->reply.text);
  return answer->reply.integer != no_such_key;
}

// --- acquire ---

Result<Answer, StoreFault> RedisStore::try_acquire(const Claim& claim,
                                                   const std::optional<Seen>& seen,
                                                   const Patience& patience) {
  const LockKeys& names = keys_of(claim.key);
  const OwnerHash owner = make_owner_hash(claim.key, claim.process, ++attempt_, claim.trace);
  const std::string now = iso_now();
  std::vector<std::string> keys{names.lock(), names.liveness(claim.process), names.token()};
  std::vector<std::string> arguments{lock_json(claim, owner, now, now, {}),
                                     claim.process.text,
                                     liveness_json(now),
                                     ms(claim.terms.lock_ttl()),
                                     ms(claim.terms.ttl()),
                                     least_uptime(claim)};
  if (seen) {
    if (!seen->dead) keys.push_back(names.liveness(seen->holder.process));
    arguments.push_back(seen->holder.owner.text);
  }
  auto answer = caller_.call(acquire_script, keys, arguments, patience);
  slot_migrates_ = is_between_nodes(answer);
  return slot_migrates_ ? try_acquire_alone(claim, seen, owner, patience) : std::move(answer);
}

Result<Answer, StoreFault> RedisStore::try_acquire_alone(const Claim& claim,
                                                         const std::optional<Seen>& seen,
                                                         const OwnerHash& owner,
                                                         const Patience& patience) {
  const LockKeys& names = keys_of(claim.key);
  const std::string liveness = names.liveness(claim.process);
  const std::string ttl = ms(claim.terms.ttl());
  const std::string now = iso_now();
  auto extended = caller_.call({"PEXPIRE", liveness, ttl}, patience);
  if (!extended || extended->reply.is_error()) return extended;
  const bool was_alive = extended->reply.integer == 1;
  Instant sent_at = extended->sent_at;
  if (!was_alive) {
    auto written = caller_.call({"SET", liveness, liveness_json(now), "PX", ttl}, patience);
    if (!written || written->reply.is_error() || caller_.too_few(*written)) return written;
    sent_at = written->sent_at;
  }
  auto created =
      caller_.call(create_alone_script, {names.lock()},
                   {lock_json(claim, owner, now, now, {}), claim.process.text,
                    ms(claim.terms.lock_ttl()), least_uptime(claim), was_alive ? "1" : "0",
                    seen && seen->dead ? seen->holder.owner.text : ""},
                   patience);
  if (created) created->sent_at = sent_at;
  return created;
}

Result<AcquireAnswer, StoreFault> RedisStore::acquire(const Claim& claim,
                                                      const Patience& patience) {
  // The first question names no holder, because none is known. A refusal names one, and the second
  // asks for that holder's liveness as well. Holders that change in between are bounded.
  constexpr int most_questions = 5;
  std::optional<Seen> seen;
  for (int question = 0; question < most_questions; ++question) {
    auto answer = try_acquire(claim, seen, patience);
    if (!answer) return answer.error();
    const Reply& reply = answer->reply;
    if (reply.is_error()) return error_reply(answer->server, reply.text);

    const std::string_view verdict = reply.text_at(0);
    if (verdict == "YOUNG")
      return AcquireAnswer{TooYoung{std::chrono::seconds{reply.integer_at(1)}}};
    std::optional<Holder> holder = parse_lock_json(reply.text_at(1));
    if (verdict == "NOTALOCK" || ((verdict == "OK" || verdict == "HELD") && !holder)) {
      return not_a_lock(answer->server, keys_of(claim.key).lock());
    }
    if (verdict == "OK") {
      if (caller_.too_few(*answer)) return caller_.too_few_replicas(*answer);
      return AcquireAnswer{Grant{holder->owner, holder->token, holder->acquired_at,
                                 claim.terms.stop_by(answer->sent_at)}};
    }
    if (verdict != "HELD") return not_redis(answer->server);
    const bool alive = reply.integer_at(3) != not_asked;
    seen = Seen{std::move(*holder)};
    if (alive) break;
    if (reached_by_script(claim, seen->holder)) continue;
    auto lives = is_alive(claim, seen->holder, patience);
    if (!lives) return lives.error();
    if (*lives) break;
    seen->dead = true;
  }
  return AcquireAnswer{Held{std::move(seen->holder)}};
}

// --- renew ---

Result<Answer, StoreFault> RedisStore::ask_to_renew(const Claim& claim, const Grant& grant,
                                                    const Patience& patience) {
  const LockKeys& names = keys_of(claim.key);
  const std::string now = iso_now();
  auto answer = caller_.call(
      renew_script, {names.lock(), names.liveness(claim.process)},
      {grant.owner.text, lock_json(claim, grant.owner, grant.acquired_at, now, grant.token),
       liveness_json(now), ms(claim.terms.lock_ttl()), ms(claim.terms.ttl()),
       setting_.lapse == Lapse::IsRevived ? "1" : "0"},
      patience);
  return is_between_nodes(answer) ? renew_alone(claim, grant, patience) : std::move(answer);
}

Result<Answer, StoreFault> RedisStore::renew_alone(const Claim& claim, const Grant& grant,
                                                   const Patience& patience) {
  const LockKeys& names = keys_of(claim.key);
  const std::string now = iso_now();
  auto lock = caller_.call(
      renew_alone_script, {names.lock()},
      {grant.owner.text, lock_json(claim, grant.owner, grant.acquired_at, now, grant.token),
       ms(claim.terms.lock_ttl())},
      patience);
  if (!lock || lock->reply.is_error() || lock->reply.text_at(0) != "OK" || caller_.too_few(*lock))
    return lock;
  const std::string liveness = names.liveness(claim.process);
  const std::string ttl = ms(claim.terms.ttl());
  auto extended = setting_.lapse == Lapse::IsRevived
                      ? caller_.call({"SET", liveness, liveness_json(now), "PX", ttl}, patience)
                      : caller_.call({"PEXPIRE", liveness, ttl}, patience);
  if (!extended || extended->reply.is_error() || caller_.too_few(*extended)) return extended;
  const bool gone = extended->reply.type == Reply::Type::Integer && extended->reply.integer == 0;
  if (gone) lock->reply.items.front().text = "LAPSED";
  return lock;
}

Result<RenewAnswer, StoreFault> RedisStore::renew(const Claim& claim, const Grant& grant,
                                                  const Patience& patience) {
  auto answer = ask_to_renew(claim, grant, patience);
  if (!answer) return answer.error();
  const Reply& reply = answer->reply;
  if (reply.is_error()) {
    if (is_wrong_type(reply.text))
      return RenewAnswer{Lost{"its key holds something that is not a lock"}};
    return error_reply(answer->server, reply.text);
  }
  const std::string_view verdict = reply.text_at(0);
  if (verdict == "LOST" || verdict == "NOTALOCK") return RenewAnswer{lost_to(reply.text_at(1))};
  if (verdict == "LAPSED") return RenewAnswer{lapsed};
  if (caller_.too_few(*answer)) return caller_.too_few_replicas(*answer);
  if (verdict == "OK") return RenewAnswer{Extended{claim.terms.stop_by(answer->sent_at)}};
  return not_redis(answer->server);
}

// --- release ---

Result<Answer, StoreFault> RedisStore::ask_to_release(const Claim& claim,
                                                      const Patience& patience) {
  const LockKeys& names = keys_of(claim.key);
  auto answer = caller_.call(release_script, {names.lock(), names.liveness(claim.process)},
                             {claim.process.text}, patience, Confirmation::NotNeeded);
  return is_between_nodes(answer) ? release_alone(claim, patience) : std::move(answer);
}

Result<Answer, StoreFault> RedisStore::release_alone(const Claim& claim, const Patience& patience) {
  const LockKeys& names = keys_of(claim.key);
  auto released = caller_.call(release_alone_script, {names.lock()}, {claim.process.text}, patience,
                               Confirmation::NotNeeded);
  if (!released || released->reply.text_at(0) != "OK") return released;
  // It ends by itself when this fails: the lock is what others look at.
  [[maybe_unused]] const auto deleted =
      caller_.call({"DEL", names.liveness(claim.process)}, patience, Confirmation::NotNeeded);
  return released;
}

Result<ReleaseAnswer, StoreFault> RedisStore::release(const Claim& claim,
                                                      const Patience& patience) {
  auto answer = ask_to_release(claim, patience);
  if (!answer) return answer.error();
  const Reply& reply = answer->reply;
  if (reply.is_error()) {
    if (is_wrong_type(reply.text))
      return ReleaseAnswer{Lost{"its key holds something that is not a lock"}};
    return error_reply(answer->server, reply.text);
  }
  const std::string_view verdict = reply.text_at(0);
  if (verdict == "OK") return ReleaseAnswer{Released{}};
  if (verdict == "LOST" || verdict == "NOTALOCK") return ReleaseAnswer{lost_to(reply.text_at(1))};
  return not_redis(answer->server);
}

}  // namespace dlock::redis
