#include "store/redis/redis_inspector.h"

#include "core/iso_time.h"
#include "core/time.h"
#include "redis/faults.h"
#include "store/lock_json.h"
#include "store/redis/migrating_slot.h"

#include <algorithm>
#include <set>

namespace dlock::redis {
namespace {

using namespace std::chrono_literals;

constexpr long long kept_elsewhere = -3;  // as look.lua replies
constexpr const char* most_waiters = "100";

std::optional<Duration> left(long long pttl) {
  if (pttl < 0) return {};
  return bounded(std::chrono::milliseconds{pttl});
}

HolderStatus::Life life_of(const Holder& holder, bool alive) {
  using Life = HolderStatus::Life;
  if (!alive) return Life::Dead;
  if (holder.forced) return Life::Forced;
  return holder.held_by_min_hold ? Life::HeldByMinHold : Life::Alive;
}

void put_liveness(HolderStatus& holder, long long pttl, const std::string& alive_at,
                  StoreTime now) {
  holder.life = life_of(holder.holder, pttl != pttl_of_no_key);
  holder.ends_in = left(pttl);
  if (holder.life == HolderStatus::Life::Alive) holder.renewed_ago = since(alive_at, now);
}

/// A SCAN pattern that matches exactly this text.
std::string literally(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view{"*?[]^\\"}.find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

}  // namespace

Result<RedisInspector::StatusReply, StoreFault> RedisInspector::ask_for(
    const LockKeys& keys, const CallDeadline& deadline) {
  auto answer =
      caller_.call(look_script, {keys.lock(), keys.holders(), keys.queue(), keys.past_run()},
                   {keys.prefix(), most_waiters}, deadline, Confirmation::NotNeeded);
  if (!answer) return answer.error();
  const Reply& reply = answer->reply;
  if (reply.is_error()) return error_reply(answer->server, reply.text);
  if (reply.items.size() != 7 || reply.integer_at(4) < 0) return not_redis(answer->server);

  StatusReply read;
  LockStatus& lock = read.lock;
  lock.not_a_lock = reply.text_at(0) == "NOTALOCK";
  lock.ends_in = left(reply.integer_at(1));
  const StoreTime now{reply.integer_at(2)};
  lock.past_run = parse_past_run_json(reply.text_at(3));
  lock.waiting = static_cast<std::size_t>(reply.integer_at(4));
  for (const Reply& item : reply.items[5].items) {
    auto holder = parse_lock_json(item.text_at(0));
    if (!holder) continue;
    HolderStatus status{.holder = std::move(*holder)};
    status.held_for = since(status.holder.acquired_at, now);
    put_liveness(status, item.integer_at(1), alive_at_in(item.text_at(2)), now);
    if (item.integer_at(1) == kept_elsewhere) read.unasked.push_back(lock.holders.size());
    lock.holders.push_back(std::move(status));
  }
  for (const Reply& item : reply.items[6].items) {
    if (auto waiter = parse_lock_json(item.text)) lock.waiters.push_back(std::move(*waiter));
  }
  return read;
}

Result<Done, StoreFault> RedisInspector::ask_for_liveness(const LockKeys& keys,
                                                          HolderStatus& holder,
                                                          const CallDeadline& deadline) {
  const std::string name = keys.liveness(holder.holder.process);
  auto answer = caller_.call({"PTTL", name}, deadline, Confirmation::NotNeeded);
  if (!answer) return answer.error();
  if (answer->reply.is_error()) return error_reply(answer->server, answer->reply.text);
  put_liveness(holder, answer->reply.integer, {}, {});
  return Done{};
}

Result<LockStatus, StoreFault> RedisInspector::inspect(const LockKey& key,
                                                       const CallDeadline& deadline) {
  const LockKeys keys{prefix_, key};
  auto read = ask_for(keys, deadline);
  if (!read) return read.error();
  LockStatus& lock = read->lock;
  lock.key = key.bytes();
  for (const std::size_t number : read->unasked) {
    HolderStatus& holder = lock.holders[number];
    if (auto asked = ask_for_liveness(keys, holder, deadline); !asked) return asked.error();
    if (holder.life != HolderStatus::Life::Dead) continue;
    // Between the two requests the holder may have released the lock, so it is not dead.
    auto again = ask_for(keys, deadline);
    if (!again) return again.error();
    const auto is_it = [&](const HolderStatus& one) {
      return one.holder.owner == holder.holder.owner;
    };
    const auto& there = again->lock.holders;
    if (std::none_of(there.begin(), there.end(), is_it)) return LockStatus{.key = key.bytes()};
  }
  return std::move(lock);
}

Result<KeysFound, StoreFault> RedisInspector::keys(const CallDeadline& deadline) {
  auto servers = caller_.connections_to_all(deadline);
  if (!servers) return servers.error();
  std::set<std::string> names;  // SCAN can return a name twice, and so can two nodes
  KeysFound found;
  for (std::size_t i = 0; i < servers->size(); ++i) {
    // A node that does not answer leaves time for the other nodes, and for inspecting each lock.
    auto there = keys_on(*(*servers)[i], share_of(deadline, servers->size() - i + 1));
    if (there)
      names.insert(there->begin(), there->end());
    else
      found.unasked.push_back(std::move(there.error()));
  }
  if (found.unasked.size() == servers->size()) return std::move(found.unasked.front());
  found.keys.assign(names.begin(), names.end());
  return found;
}

Result<std::vector<std::string>, StoreFault> RedisInspector::keys_on(
    Connection& server, const CallDeadline& deadline) const {
  const std::string before = prefix_ + "lock:";
  const std::string pattern = literally(before) + "*";
  std::vector<std::string> found;
  std::string cursor = "0";
  do {
    auto answers = ask(server, {{"SCAN", cursor, "MATCH", pattern, "COUNT", "1000"}}, deadline);
    if (!answers) return answers.error();
    const Reply& reply = answers->replies.front();
    if (reply.is_error()) return error_reply(answers->server, reply.text);
    if (reply.items.size() != 2) return not_redis(answers->server);
    cursor = reply.items[0].text;
    for (const Reply& name : reply.items[1].items) {
      if (name.text.starts_with(before)) found.push_back(name.text.substr(before.size()));
    }
  } while (cursor != "0");
  return found;
}

Result<UnlockAnswer, StoreFault> RedisInspector::unlock(const LockKey& key, const Unlocker& by,
                                                        const CallDeadline& deadline) {
  // Longer than a peer other than dlock takes to notice the loss of its lock: it checks every 5 s.
  constexpr const char* mark_for_peers = "7000";
  constexpr int most_attempts = 5;  // each attempt allows for one change of holder
  const LockKeys keys{prefix_, key};
  for (int attempt = 1; attempt <= most_attempts; ++attempt) {
    auto seen = inspect(key, deadline);
    if (!seen) return seen.error();
    if (seen->not_a_lock) return not_a_lock(name(), keys.lock());

    std::vector<std::string> arguments{keys.prefix(), by.by_force ? "1" : "0", "", mark_for_peers};
    for (std::size_t i = 0; i < seen->holders.size(); ++i) {
      const HolderStatus& holder = seen->holders[i];
      if (holder.life == HolderStatus::Life::Dead) arguments[2] = holder.holder.owner.text;
      const auto number =
          static_cast<std::uint32_t>(attempt * 1000) + static_cast<std::uint32_t>(i);
      const OwnerHash mark = make_owner_hash(key, by.process, number, "");
      arguments.push_back(holder.holder.owner.text);
      arguments.push_back(forced_lock_json(mark_of(by, mark), holder));
    }
    auto answer = caller_.call(unlock_script, {keys.lock(), keys.holders(), keys.queue()},
                               arguments, deadline);
    if (!answer) return answer.error();
    const Reply& reply = answer->reply;
    if (reply.is_error()) return error_reply(answer->server, reply.text);
    const std::string_view verdict = reply.text_at(0);
    if (verdict == "FREE") return UnlockAnswer{WasFree{}};
    if (verdict == "FREED") return UnlockAnswer{Freed{std::move(seen->holders)}};
    if (verdict == "HELD") return UnlockAnswer{StillHeld{std::move(*seen)}};
    if (verdict == "FORCED") return UnlockAnswer{Forced{std::move(seen->holders)}};
    if (verdict == "NOTALOCK") return not_a_lock(answer->server, keys.lock());
    if (verdict != "CHANGED") return not_redis(answer->server);
  }
  return StoreFault{
      .sentence = name() + ": the holder of the lock changed again and again during the request",
      .worth_retrying = true};
}

}  // namespace dlock::redis
