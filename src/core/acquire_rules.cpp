#include "core/acquire_rules.h"

#include <algorithm>
#include <utility>

namespace dlock::acquire {
namespace {

using namespace std::chrono_literals;
using Reason = GiveUp::Reason;

constexpr Duration notice_every = 1min;

Instant later(Instant now, Duration length) { return length >= never - now ? never : now + length; }

}  // namespace

Rules::Rules(const LeaseTerms& terms, WaitLimit limit, Instant began)
    : terms_(terms),
      limit_(limit),
      limit_ends_(limit.waits() ? later(began, limit.most) : never),
      first_asked_(began) {}

Step Rules::next(Instant now) {
  if (server_ready_) {
    if (*server_ready_ > limit_ends_) return give_up(Reason::ServerTooRecent);
    server_ready_.reset();
    first_asked_ = now;
  }
  if (now >= limit_ends_ && (queued_ || failing_since_)) return out_of_time();
  return Ask{answer_due(now)};
}

Decision Rules::on(const Answer& answer, Instant asked, Instant now) {
  if (const auto* const failed = std::get_if<Failed>(&answer)) return handle(*failed, asked, now);
  const bool failed_before = std::exchange(failing_since_, std::nullopt).has_value();
  Decision decision;
  if (const auto* const granted = std::get_if<Granted>(&answer)) {
    decision = handle(*granted, now);
  } else if (const auto* const refused = std::get_if<Refused>(&answer)) {
    decision = handle(*refused, now);
  } else if (const auto* const recent = std::get_if<TooRecent>(&answer)) {
    decision = handle(*recent, now);
  } else {
    decision = {{}, give_up(Reason::SlotUsed)};
  }
  if (failed_before && limit_.waits())
    decision.notices.insert(decision.notices.begin(), Notice::StoreAnswersAgain);
  return decision;
}

Decision Rules::handle(const Granted& granted, Instant now) {
  if (now < granted.stop_by) return {{}, Start{}};
  unknown_request_ = true;  // the store may still count this run as the holder
  if (limit_.waits()) return {{}, next(now)};
  return {{}, give_up(Reason::GrantTooLate)};
}

Decision Rules::handle(const Refused& refused, Instant now) {
  queued_ = queued_ || limit_.waits();
  if (refused.by_outer_run) return {{}, give_up(Reason::HeldByOuterRun)};
  if (!limit_.waits()) return {{}, give_up(Reason::Held)};
  Decision decision{{Notice::Waits}, {}};
  if (next_notice_ == never || now >= next_notice_) {
    decision.notices.push_back(next_notice_ == never ? Notice::WaitBegins : Notice::StillWaits);
    next_notice_ = now + notice_every;
  }
  decision.step = AwaitTurn{std::min(limit_ends_, next_notice_)};
  return decision;
}

Decision Rules::handle(const TooRecent& recent, Instant now) {
  Decision decision;
  if (!std::exchange(told_recent_, true)) decision.notices.push_back(Notice::ServerTooRecent);
  decision.notices.push_back(Notice::WaitsForServer);
  server_ready_ = now + recent.wait;
  decision.step = Pause{std::min(*server_ready_, limit_ends_)};
  return decision;
}

Decision Rules::handle(const Failed& failed, Instant asked, Instant now) {
  const StoreFault& fault = failed.fault;
  unknown_request_ = unknown_request_ || !fault.not_applied;
  if (failed.cancelled) return {{}, cancelled()};
  if (cut_short(asked, now)) return {{}, out_of_time()};
  const bool is_first = !failing_since_;
  if (is_first) failing_since_ = asked;
  // A run that waits for the lock waits for the store as well, unless the store refuses for good.
  // A store that has answered before refuses for good only when that lasts for a TTL: a password or
  // a certificate may be in the middle of its rotation.
  const bool refused_for_good = fault.exit_code != ExitCode::StoreUnavailable &&
                                !(queued_ && now < *failing_since_ + terms_.ttl());
  const bool waited_out = limit_.waits() && !refused_for_good;
  const Instant next = now + terms_.retry_every();
  const bool tried_again = fault.worth_retrying && next < first_asked_ + terms_.ttl() / 2;
  if (!waited_out && !tried_again) return {{}, give_up(Reason::StoreFailed)};
  Decision decision;
  if (limit_.waits() && is_first) decision.notices.push_back(Notice::StoreFails);
  decision.notices.push_back(Notice::Retries);
  decision.step = Pause{std::min(next, limit_ends_)};
  return decision;
}

Instant Rules::answer_due(Instant asked) const {
  const Duration half = terms_.ttl() / 2;
  return std::min(limit_.waits() ? asked + half : first_asked_ + half, limit_ends_);
}

/// Whether the request had less time than an answer may take, because the limit was near. Its
/// failure then says nothing about the store, and the answer before it still counts.
bool Rules::cut_short(Instant asked, Instant now) const {
  const Instant due = answer_due(asked);
  return (queued_ || failing_since_) && due - asked < terms_.request_timeout() && now >= due;
}

GiveUp Rules::out_of_time() const {
  return give_up(failing_since_ ? Reason::StoreStillFails : Reason::WaitedOut);
}

}  // namespace dlock::acquire
