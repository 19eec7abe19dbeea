#include "store/redis/redis_store.h"

#include "core/number.h"
#include "core/time.h"
#include "os/clock.h"
#include "os/wait.h"
#include "redis/faults.h"
#include "store/lock_json.h"

#include <algorithm>
#include <array>

namespace dlock::redis {
namespace {

std::string ms(Duration duration) { return std::to_string(whole_ms(duration)); }

Lost lost_to(std::string_view lock_value) {
  if (lock_value.empty()) return {"it was deleted or has expired"};
  const auto holder = parse_lock_json(lock_value);
  if (!holder) return {"its key has a value that is not a lock"};
  if (holder->forced) return lost_by_force(*holder);
  return {"it was taken over by " + describe(*holder), *holder};
}

const Lost lapsed{"its liveness key is gone: deleted, evicted, or expired"};

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

// --- acquire ---

std::string RedisStore::ticket_of(const Claim& claim) const {
  if (!ticket_.empty()) return ticket_;
  // Subscribe first, then request the ticket: a waiter without a subscription is taken for dead.
  return claim.waits && wakeups_ ? "" : "no";
}

Result<Answer, StoreFault> RedisStore::try_acquire(const Claim& claim,
                                                   const CallDeadline& deadline) {
  const LockKeys& names = keys_of(claim.key);
  const OwnerHash owner = make_owner_hash(claim.key, claim.process, ++attempt_, claim.trace);
  const std::string now = iso_now();
  const ProcessHash group = make_group_hash(claim.process);
  // Without the key, the named holder is one that was found dead: a live holder is not named then.
  const bool script_looks = seen_ && !seen_->dead && reached_by_script(claim, seen_->holder);
  const bool named = script_looks || (seen_ && seen_->dead);
  std::vector<std::string> keys{names.lock(),
                                names.liveness(claim.process),
                                names.token(),
                                names.queue(),
                                names.holders(),
                                names.past_run(),
                                names.place(claim.process)};
  std::vector<std::string> arguments{
      lock_json(claim, owner, now, now, {}),
      claim.process.text,
      liveness_json(now),
      ms(claim.terms.lock_ttl()),
      ms(claim.terms.ttl()),
      least_uptime(claim),
      names.prefix(),
      claim.limit.is_shared() ? "0" : std::to_string(claim.limit.most),
      ticket_of(claim),
      claim.once ? ms(claim.once->period) : "0",
      group.text,
      group_json(claim, group, make_owner_hash(claim.key, group, attempt_, ""), now),
      named ? seen_->holder.owner.text : ""};
  if (script_looks) keys.push_back(names.liveness(seen_->holder.process));
  auto answer = caller_.call(acquire_script, keys, arguments, deadline);
  slot_migrates_ = is_between_nodes(answer);
  if (!slot_migrates_ || !claim.limit.is_exclusive()) return answer;
  return MigratingSlot{caller_, names, claim, deadline}.acquire(
      {owner, least_uptime(claim), seen_ && seen_->dead ? seen_->holder.owner.text : ""});
}

Result<AcquireAnswer, StoreFault> RedisStore::acquire(const Claim& claim,
                                                      const CallDeadline& deadline) {
  // The first request names no holder, because none is known. A refusal names one, and the second
  // request checks that holder's liveness as well. The limit bounds the retries when holders change
  // in between.
  constexpr int most_questions = 5;
  // "Dead" is valid for the next request only: the holder may have come back meanwhile.
  if (seen_ && seen_->dead) seen_.reset();
  Held held;
  for (int question = 0; question < most_questions; ++question) {
    auto answer = try_acquire(claim, deadline);
    if (!answer) return answer.error();
    auto reply = classify(*answer, keys_of(claim.key).lock());
    if (!reply) return reply.error();
    if (auto* granted = std::get_if<GrantReply>(&*reply)) return accept(*granted, claim, *answer);
    if (auto* refused = std::get_if<RefusalReply>(&*reply)) {
      auto next = decide(*refused, claim, *answer, deadline);
      held = std::move(refused->held);
      if (!next) return next.error();
      if (*next == Next::AskAgain) continue;
      break;
    }
    if (auto* restarted = std::get_if<RecentlyRestarted>(&*reply)) return AcquireAnswer{*restarted};
    return AcquireAnswer{std::get<AlreadyDone>(std::move(*reply))};
  }
  ask_again_ = BootClock::now() + ask_again_in(held.place, claim.terms.ttl());
  return AcquireAnswer{std::move(held)};
}

Result<AcquireAnswer, StoreFault> RedisStore::accept(const GrantReply& granted, const Claim& claim,
                                                     const Answer& answer) {
  if (caller_.too_few(answer)) return caller_.too_few_replicas(answer);
  ticket_.clear();
  answered_over_ = answer.connection;
  group_.text = granted.group;
  return AcquireAnswer{Grant{granted.holder.owner, granted.holder.token, granted.holder.acquired_at,
                             claim.terms.stop_by(answer.sent_at), granted.at}};
}

Result<RedisStore::Next, StoreFault> RedisStore::decide(RefusalReply& refused, const Claim& claim,
                                                        const Answer& answer,
                                                        const CallDeadline& deadline) {
  Held& held = refused.held;
  if (refused.ticket) ticket_ = *refused.ticket;
  // The server has no subscriber although the connection only looks idle here, for example behind a
  // router that dropped it.
  if (refused.subscriber_unseen) wakeups_.reset();
  bool decided = refused.holder_was_asked_for;
  if (!decided) {
    seen_ = Seen{held.holder};
    if (!reached_by_script(claim, held.holder)) {
      auto lives = inspect(claim, held.holder, deadline);
      if (!lives) return lives.error();
      seen_->dead = !*lives;
      decided = lives->has_value();
      if (decided) held.place.holder_ends_in = time_left(whole_ms(**lives));
    }
  }
  if (claim.waits && !slot_migrates_) {
    auto is_new = listen_beside(answer.connection, claim, deadline);
    if (!is_new) return is_new.error();
    if (*is_new) return Next::AskAgain;
    // Only the first waiter needs to know whether the holder is alive.
    decided = decided || held.place.ahead.value_or(0) > 0;
  }
  return decided ? Next::Refuse : Next::AskAgain;
}

Result<std::optional<Duration>, StoreFault> RedisStore::inspect(const Claim& claim,
                                                                const Holder& holder,
                                                                const CallDeadline& deadline) {
  auto answer = caller_.call({"PTTL", keys_of(claim.key).liveness(holder.process)}, deadline,
                             Confirmation::NotNeeded);
  if (!answer) return answer.error();
  if (answer->reply.is_error()) return error_reply(answer->server, answer->reply.text);
  if (answer->reply.integer == pttl_of_no_key) return std::optional<Duration>{};
  return std::optional{bounded(std::chrono::milliseconds{answer->reply.integer})};
}

// --- wait ---

Result<bool, StoreFault> RedisStore::listen_beside(std::uint64_t connection, const Claim& claim,
                                                   const CallDeadline& deadline) {
  if (wakeups_ && wakeups_beside_ == connection) return false;
  wakeups_.reset();
  const LockKeys& names = keys_of(claim.key);
  auto own = caller_.another_connection(names.lock());
  if (!own) return false;
  auto subscription = Subscription::open(std::move(own), names.channel(claim.process), deadline);
  if (!subscription) return subscription.error();
  wakeups_ = std::move(*subscription);
  wakeups_beside_ = connection;
  return true;
}

void RedisStore::await_turn(const Claim&, const CallDeadline& deadline) {
  Instant until = std::min(deadline.until, ask_again_);
  while (wakeups_) {
    auto call = wakeups_->listen({until, deadline.cancellation});
    if (!call) {
      // The server is down or closed the connection: the next request finds out which, after a
      // delay.
      wakeups_.reset();
      until = std::min(until, BootClock::now() + std::chrono::milliseconds{50});
      break;
    }
    // "first 10000": another run holds the lock, and its liveness can expire in 10 s.
    constexpr std::string_view first = "first ";
    if (!*call || !(*call)->starts_with(first)) return;
    const auto ends_in = parse_number<long>(std::string_view{**call}.substr(first.size()), 0);
    if (!ends_in) return;
    until = std::min(until, BootClock::now() + bounded(std::chrono::milliseconds{*ends_in}) +
                                std::chrono::milliseconds{1});
  }
  wait(-1, 0, {until, deadline.cancellation});
}

void RedisStore::await_loss(const Claim& claim, const Grant&, const CallDeadline& deadline) {
  if (!wakeups_ && BootClock::now() >= hang_again_) {
    // At most one attempt per renewal interval, because the connection can break again at once or
    // this user may not subscribe. Best effort: without it a loss is noticed at the next renewal.
    hang_again_ = BootClock::now() + claim.terms.renew_every();
    auto is_new =
        listen_beside(answered_over_, claim,
                      {BootClock::now() + claim.terms.request_timeout(), deadline.cancellation});
    // A message may have been missed before the subscription existed.
    if (is_new && *is_new) return;
  }
  if (wakeups_) {
    // Any message, and also the end of the subscription, is worth a renewal.
    auto said = wakeups_->listen(deadline);
    if (!said) wakeups_.reset();
    return;
  }
  wait(-1, 0, deadline);
}

void RedisStore::leave_queue(const Claim& claim, const CallDeadline& deadline) {
  wakeups_.reset();
  // With or without a ticket: the engine that had it may have died.
  const LockKeys& names = keys_of(claim.key);
  // If this fails, the place in the queue expires.
  [[maybe_unused]] const auto left =
      caller_.call(leave_script, {names.queue(), names.place(claim.process)},
                   {claim.process.text, names.prefix()}, deadline, Confirmation::NotNeeded);
  ticket_.clear();
}

// --- renew ---

Result<Answer, StoreFault> RedisStore::ask_to_renew(const Claim& claim, const Grant& grant,
                                                    const CallDeadline& deadline) {
  const LockKeys& names = keys_of(claim.key);
  const std::string now = iso_now();
  const bool revive = setting_.lapse == Lapse::IsRevived;
  const bool shares = !group_.text.empty();
  const std::string value = lock_json(claim, grant.owner, grant.acquired_at, now, grant.token);
  std::vector<std::string> keys{names.lock(), names.liveness(claim.process)};
  std::vector<std::string> arguments{grant.owner.text,      value,
                                     liveness_json(now),    ms(claim.terms.lock_ttl()),
                                     ms(claim.terms.ttl()), revive ? "1" : "0"};
  if (shares) {
    keys.insert(keys.end(), {names.holders(), names.liveness(group_)});
    arguments.insert(arguments.end(), {claim.process.text, group_.text});
  }
  auto answer = caller_.call(shares ? renew_share_script : renew_script, keys, arguments, deadline);
  if (!is_between_nodes(answer)) return answer;
  return MigratingSlot{caller_, names, claim, deadline}.renew({grant, value, revive, group_});
}

Result<RenewAnswer, StoreFault> RedisStore::renew(const Claim& claim, const Grant& grant,
                                                  const CallDeadline& deadline) {
  auto answer = ask_to_renew(claim, grant, deadline);
  // If the first request was applied after all, the second one changes nothing.
  if (!answer && answer.error().connection_ended && !answer.error().not_applied)
    answer = ask_to_renew(claim, grant, deadline);
  if (!answer) return answer.error();
  if (wakeups_ && wakeups_beside_ != answer->connection) wakeups_.reset();
  answered_over_ = answer->connection;
  const Reply& reply = answer->reply;
  if (reply.is_error()) {
    if (is_wrong_type(reply.text))
      return RenewAnswer{Lost{"its key has a value that is not a lock"}};
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
                                                      const ReleaseOptions& options,
                                                      const CallDeadline& deadline) {
  const LockKeys& names = keys_of(claim.key);
  auto answer = caller_.call(release_script,
                             {names.lock(), names.liveness(claim.process), names.queue(),
                              names.holders(), names.past_run()},
                             {claim.process.text, names.prefix(), ms(options.keep),
                              options.run ? past_run_json(*options.run) : "",
                              claim.once ? ms(past_run_life(*claim.once)) : "0"},
                             deadline, Confirmation::NotNeeded);
  if (!is_between_nodes(answer)) return answer;
  return MigratingSlot{caller_, names, claim, deadline}.release(group_, options);
}

Result<ReleaseAnswer, StoreFault> RedisStore::release(const Claim& claim,
                                                      const ReleaseOptions& options,
                                                      const CallDeadline& deadline) {
  auto answer = ask_to_release(claim, options, deadline);
  if (!answer) return answer.error();
  const Reply& reply = answer->reply;
  if (reply.is_error()) {
    if (is_wrong_type(reply.text))
      return ReleaseAnswer{Lost{"its key has a value that is not a lock"}};
    return error_reply(answer->server, reply.text);
  }
  const std::string_view verdict = reply.text_at(0);
  if (verdict == "OK") return ReleaseAnswer{Released{}};
  if (verdict == "LOST" || verdict == "NOTALOCK") return ReleaseAnswer{lost_to(reply.text_at(1))};
  return not_redis(answer->server);
}

}  // namespace dlock::redis
