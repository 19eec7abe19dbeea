#include "store/redis/migrating_slot.h"

#include "os/clock.h"
#include "store/lock_json.h"

#include <algorithm>
#include <utility>

namespace dlock::redis {
namespace {

bool failed(const Result<Answer, StoreFault>& answer) {
  return !answer || answer->reply.is_error();
}

bool is_zero(const Result<Answer, StoreFault>& answer) {
  return answer->reply.type == Reply::Type::Integer && answer->reply.integer == 0;
}

Answer with_verdict(Answer answer, std::string verdict, std::string value = {}) {
  answer.reply = Reply{.type = Reply::Type::Array,
                       .items = {Reply{.type = Reply::Type::Text, .text = std::move(verdict)},
                                 Reply{.type = Reply::Type::Text, .text = std::move(value)}}};
  return answer;
}

}  // namespace

bool is_between_nodes(const Result<Answer, StoreFault>& answer) {
  return answer && answer->reply.is_error() && answer->reply.text.starts_with("TRYAGAIN");
}

// --- acquire ---

Result<Answer, StoreFault> MigratingSlot::acquire(const Attempt& attempt) {
  auto created = create(attempt);
  const bool got_it = created && created->reply.text_at(0) == "OK";
  if (!got_it || !claim_.once) return created;
  // Check for a past run while holding the lock: before that, another run could complete meanwhile.
  auto past = caller_.call({"GET", keys_.past_run()}, deadline_, Confirmation::NotNeeded);
  if (failed(past)) return past;
  const auto run = parse_past_run_json(past->reply.text);
  const bool done =
      run && run->counts && in_one_slot(*claim_.once, run->started, {created->reply.integer_at(2)});
  if (!done) return created;
  if (auto released = release({}, {}); failed(released)) return released;
  const std::string value = past->reply.text;
  return with_verdict(std::move(*past), "DONE", value);
}

Result<Answer, StoreFault> MigratingSlot::create(const Attempt& attempt) {
  const std::string liveness = keys_.liveness(claim_.process);
  const std::string ttl = std::to_string(whole_ms(claim_.terms.ttl()));
  const std::string now = iso_now();
  auto extended = caller_.call({"PEXPIRE", liveness, ttl}, deadline_);
  if (failed(extended)) return extended;
  const bool was_alive = extended->reply.integer == 1;
  Instant sent_at = extended->sent_at;
  if (!was_alive) {
    auto written = caller_.call({"SET", liveness, liveness_json(now), "PX", ttl}, deadline_);
    if (failed(written) || caller_.too_few(*written)) return written;
    sent_at = written->sent_at;
  }
  auto created = caller_.call(create_alone_script, {keys_.lock()},
                              {lock_json(claim_, attempt.owner, now, now, {}), claim_.process.text,
                               std::to_string(whole_ms(claim_.terms.lock_ttl())),
                               attempt.least_uptime, was_alive ? "1" : "0", attempt.dead_holder},
                              deadline_);
  if (created) created->sent_at = sent_at;
  return created;
}

// --- renew ---

Result<Answer, StoreFault> MigratingSlot::renew(const Renewal& renewal) {
  auto lock = renewal.group.text.empty() ? renew_lock(renewal) : renew_share(renewal);
  if (failed(lock) || lock->reply.text_at(0) != "OK" || caller_.too_few(*lock)) return lock;
  // After the lock is confirmed, not before: if the liveness still exists then, it was never
  // absent, so no peer can have found this run dead. The group's comes first, as in
  // renew_share.lua.
  std::vector<std::string> alive{keys_.liveness(claim_.process)};
  if (!renewal.group.text.empty()) alive.insert(alive.begin(), keys_.liveness(renewal.group));
  for (const std::string& liveness : alive) {
    auto extended = extend(liveness, renewal.revive);
    if (failed(extended) || caller_.too_few(*extended)) return extended;
    if (is_zero(extended)) return with_verdict(std::move(*extended), "LAPSED");
  }
  return lock;
}

Result<Answer, StoreFault> MigratingSlot::renew_lock(const Renewal& renewal) {
  return caller_.call(
      renew_alone_script, {keys_.lock()},
      {renewal.grant.owner.text, renewal.value, std::to_string(whole_ms(claim_.terms.lock_ttl()))},
      deadline_);
}

Result<Answer, StoreFault> MigratingSlot::renew_share(const Renewal& renewal) {
  auto lock = caller_.call({"GET", keys_.lock()}, deadline_);
  if (failed(lock)) return lock;
  const std::string value = lock->reply.text;
  auto mine = caller_.call({"HGET", keys_.holders(), claim_.process.text}, deadline_);
  if (failed(mine)) return mine;
  const auto group = parse_lock_json(value);
  const auto member = parse_lock_json(mine->reply.text);
  if (!group || group->process != renewal.group || !member || member->owner != renewal.grant.owner)
    return with_verdict(std::move(*lock), "LOST", value);
  const std::string lock_ttl = std::to_string(whole_ms(claim_.terms.lock_ttl()));
  for (const std::string& key : {keys_.lock(), keys_.holders()}) {
    auto extended = caller_.call(extend_alone_script, {key}, {lock_ttl}, deadline_);
    if (failed(extended) || caller_.too_few(*extended)) return extended;
  }
  return with_verdict(std::move(*lock), "OK");
}

Result<Answer, StoreFault> MigratingSlot::extend(const std::string& liveness, bool revive) {
  const std::string ttl = std::to_string(whole_ms(claim_.terms.ttl()));
  auto extended = caller_.call(extend_alone_script, {liveness}, {ttl}, deadline_);
  if (failed(extended) || !is_zero(extended) || !revive) return extended;
  return caller_.call({"SET", liveness, liveness_json(iso_now()), "PX", ttl}, deadline_);
}

// --- release ---

Result<Answer, StoreFault> MigratingSlot::release(const ProcessHash& group,
                                                  const ReleaseOptions& options) {
  const auto call = [this](const Command& command) {
    return caller_.call(command, deadline_, Confirmation::NotNeeded);
  };
  // Before the lock is free: the next holder must see the record.
  if (options.run) {
    const std::string life = std::to_string(whole_ms(past_run_life(*claim_.once)));
    const std::string value = past_run_json(*options.run);
    if (auto done = call({"SET", keys_.past_run(), value, "PX", life}); failed(done)) return done;
  }
  const std::string liveness = keys_.liveness(claim_.process);
  const std::string keep = std::to_string(whole_ms(options.keep));
  if (options.keep > Duration::zero()) {
    if (auto kept = call({"PEXPIRE", liveness, keep}); failed(kept)) return kept;
  }
  if (!group.text.empty()) {
    // The liveness alone ends a share or keeps it; the group ends with its last member.
    if (options.keep > Duration::zero()) return extend_group(group, options.keep);
    auto left = call({"HDEL", keys_.holders(), claim_.process.text});
    if (failed(left)) return left;
    [[maybe_unused]] const auto deleted = call({"DEL", liveness});
    const bool was_ours = left->reply.integer == 1;
    return with_verdict(std::move(*left), was_ours ? "OK" : "LOST");
  }
  auto released = caller_.call(release_alone_script, {keys_.lock()}, {claim_.process.text, keep},
                               deadline_, Confirmation::NotNeeded);
  if (failed(released) || released->reply.text_at(0) != "OK") return released;
  // If this fails, the liveness key expires: other runs check the lock key first.
  if (options.keep == Duration::zero()) {
    [[maybe_unused]] const auto deleted = call({"DEL", liveness});
  }
  return released;
}

Result<Answer, StoreFault> MigratingSlot::extend_group(const ProcessHash& group, Duration keep) {
  Result<Answer, StoreFault> last = StoreFault{};
  for (const std::string& key : {keys_.lock(), keys_.holders(), keys_.liveness(group)}) {
    last = caller_.call(extend_alone_script, {key}, {std::to_string(whole_ms(keep))}, deadline_,
                        Confirmation::NotNeeded);
    if (failed(last)) return last;
  }
  return with_verdict(std::move(*last), "OK");
}

}  // namespace dlock::redis
