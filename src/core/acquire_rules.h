#pragma once

#include "core/fault.h"
#include "core/lease.h"
#include "core/time.h"
#include "core/waiting.h"

#include <optional>
#include <variant>
#include <vector>

namespace dlock::acquire {

// What the store answers to a request for the lock, or its failure to answer.
struct Granted {
  Instant stop_by;  // when the job must be dead unless a renewal is acknowledged
};
/// Another run holds the lock, or is before this run in the queue.
struct Refused {
  /// The holder is the run whose job started this run: it cannot end before this run ends.
  bool by_outer_run = false;
};
/// The server started so recently that it may have forgotten a holder.
struct TooRecent {
  Duration wait;
};
/// `--once-per`: the run of this slot has been.
struct SlotUsed {};
struct Failed {
  StoreFault fault;
  bool cancelled = false;  // the run was asked to end during the request
};

using Answer = std::variant<Granted, Refused, TooRecent, SlotUsed, Failed>;

// What the run does next.
/// Requests the lock. The answer must arrive by that moment.
struct Ask {
  Instant until;
  bool operator==(const Ask&) const = default;
};
/// Waits without asking the store anything.
struct Pause {
  Instant until;
  bool operator==(const Pause&) const = default;
};
/// Waits until the queue may have reached this run, at most up to that moment.
struct AwaitTurn {
  Instant until;
  bool operator==(const AwaitTurn&) const = default;
};
/// The lock is held, and its lease lasts: the job can start.
struct Start {
  bool operator==(const Start&) const = default;
};
struct GiveUp {
  enum class Reason {
    Held,  // and this run does not wait
    HeldByOuterRun,
    WaitedOut,        // the wait ended while another run held the lock
    StoreFailed,      // the fault of the last request says why
    StoreStillFails,  // so does the last fault after which this run asked again
    ServerTooRecent,
    GrantTooLate,  // the lease of the grant had ended when the reply arrived
    SlotUsed,
    Cancelled,
  };
  Reason reason;
  /// This run may have a place in the queue.
  bool leave_queue = false;
  /// A request whose reply was lost may have been applied: the lock must be released.
  bool release = false;

  bool operator==(const GiveUp&) const = default;
};

using Step = std::variant<Ask, Pause, AwaitTurn, Start, GiveUp>;

/// What a person is told before the step.
enum class Notice {
  StoreAnswersAgain,
  StoreFails,       // for the first time since its last answer, and this run waits for it
  Retries,          // every failure after which this run asks again
  WaitBegins,       // for a holder
  StillWaits,       // a minute after the last notice
  Waits,            // every refusal after which this run asks again
  ServerTooRecent,  // for the first time
  WaitsForServer,   // every such answer
};

struct Decision {
  std::vector<Notice> notices;
  Step step;
};

/// Decides how a run gets to its lock, from the first request to the start of the job or the reason
/// why there is none. Pure: supervise/acquire.cpp asks the store, waits, and passes on each answer.
///
/// The store has half a TTL for its first answer. A run that waits does so up to its limit,
/// whatever happens to the store, also if it does not answer from the start; only a refusal for
/// good (a password, a configuration) ends that. A run never waits for the run whose job started
/// it.
class Rules {
 public:
  Rules(const LeaseTerms& terms, WaitLimit limit, Instant began);

  /// At the start, and after a Pause or AwaitTurn that was not cancelled.
  Step next(Instant now);
  /// `asked`: when the request began. `now`: when its answer arrived.
  Decision on(const Answer& answer, Instant asked, Instant now);
  /// A Pause or AwaitTurn ended because the run was asked to end.
  GiveUp cancelled() const { return give_up(GiveUp::Reason::Cancelled); }

 private:
  Decision handle(const Granted& granted, Instant now);
  Decision handle(const Refused& refused, Instant now);
  Decision handle(const TooRecent& recent, Instant now);
  Decision handle(const Failed& failed, Instant asked, Instant now);
  Instant answer_due(Instant asked) const;
  bool cut_short(Instant asked, Instant now) const;
  GiveUp out_of_time() const;
  GiveUp give_up(GiveUp::Reason reason) const {
    return {reason, /*leave_queue=*/queued_, /*release=*/unknown_request_};
  }

  LeaseTerms terms_;
  WaitLimit limit_;
  Instant limit_ends_;
  Instant first_asked_;  // the first answer is due half a TTL after this
  Instant next_notice_ = never;
  std::optional<Instant> failing_since_;  // when the first request was sent after the last answer
  std::optional<Instant> server_ready_;   // until when a server is too recent
  bool queued_ = false;                   // a refusal has put this run into the queue
  bool unknown_request_ = false;          // a request may have been applied without a reply
  bool told_recent_ = false;
};

}  // namespace dlock::acquire
