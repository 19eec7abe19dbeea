#include "store/redis/acquire_reply.h"

#include "core/text.h"
#include "core/time.h"
#include "redis/faults.h"
#include "store/lock_json.h"
#include "store/redis/lock_keys.h"

#include <chrono>
#include <string_view>
#include <utility>

namespace dlock::redis {
namespace {

/// The server does not report its uptime. Permanent: an administrator has to change it.
StoreFault hides_its_age(const std::string& server, const std::string& error) {
  return {.exit_code = ExitCode::Configuration,
          .sentence = server +
                      " does not report its uptime, so it may have lost a lock in a restart: INFO "
                      "is renamed, or forbidden to this user; allow it (+info), or give "
                      "--trust-restart if it keeps its data over a restart (reply: " +
                      excerpt(error, 120) + ")",
          .not_applied = true};
}

/// {"HELD", value, PTTL of its liveness, holders, ticket, ahead, PTTL of the one ahead, unseen}
Result<AcquireReply, StoreFault> refusal(const Answer& answer, Holder holder) {
  constexpr long long not_asked_for = -3;  // as the scripts of dlock reply
  const Reply& reply = answer.reply;
  // A negative number would become a huge number of holders.
  if (reply.integer_at(3) < 0 || reply.integer_at(5) < 0) return not_redis(answer.server);
  RefusalReply refused{
      .held = {std::move(holder), static_cast<std::size_t>(reply.integer_at(3)), {}}};
  Place& place = refused.held.place;
  if (reply.text_at(4) != "no") {
    refused.ticket = reply.text_at(4);
    place.ahead = static_cast<std::uint64_t>(reply.integer_at(5));
    place.ahead_ends_in = time_left(reply.integer_at(6));
    refused.subscriber_unseen = reply.integer_at(7) == 1;
  }
  const long long ends = reply.integer_at(2);
  refused.holder_was_asked_for = ends != not_asked_for;
  place.holder_ends_in = time_left(ends);
  place.holder_calls = refused.held.holder.token.value != 0;
  return AcquireReply{std::move(refused)};
}

}  // namespace

std::optional<Duration> time_left(long long pttl) {
  if (pttl < 0) return {};
  return bounded(std::chrono::milliseconds{pttl});
}

Result<AcquireReply, StoreFault> classify(const Answer& answer, const std::string& lock_key) {
  const Reply& reply = answer.reply;
  if (reply.is_error()) return error_reply(answer.server, reply.text);
  const std::string_view verdict = reply.text_at(0);
  if (verdict == "YOUNG") {
    const Duration wait = bounded(std::chrono::seconds{reply.integer_at(1)});
    if (wait <= Duration::zero()) return not_redis(answer.server);  // would cause a request loop
    return AcquireReply{RecentlyRestarted{wait}};
  }
  if (verdict == "AGELESS") return hides_its_age(answer.server, std::string{reply.text_at(1)});
  if (verdict == "DONE") {
    auto past = parse_past_run_json(reply.text_at(1));
    if (!past) return not_redis(answer.server);
    return AcquireReply{AlreadyDone{std::move(*past)}};
  }
  std::optional<Holder> holder = parse_lock_json(reply.text_at(1));
  const bool has_holder = verdict == "OK" || verdict == "HELD";
  if (verdict == "NOTALOCK" || (has_holder && !holder)) return not_a_lock(answer.server, lock_key);
  if (verdict == "OK") {
    return AcquireReply{
        GrantReply{std::move(*holder), {reply.integer_at(2)}, std::string{reply.text_at(3)}}};
  }
  if (verdict != "HELD") return not_redis(answer.server);
  return refusal(answer, std::move(*holder));
}

}  // namespace dlock::redis
