#pragma once

#include "core/call_deadline.h"
#include "core/fault.h"
#include "core/holder.h"
#include "core/identity.h"
#include "core/lease.h"
#include "core/once.h"
#include "core/result.h"
#include "core/time.h"
#include "core/waiting.h"
#include "os/fd.h"

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace dlock {

/// What a run wants and what it tells about itself.
struct Claim {
  LockKey key;
  LeaseTerms terms;
  ProcessHash process;
  std::string host;
  long pid = 0;
  std::string user;
  std::string command;
  std::string trace;
  std::string note;
  Limit limit = {};
  /// Whether a refusal puts this run into the queue of those that wait.
  bool waits = false;
  std::optional<OncePer> once = {};
};

/// The lock is ours until `stop_by`, unless a renewal moves it.
struct Grant {
  OwnerHash owner;
  FencingToken token;
  std::string acquired_at;
  Instant stop_by;
  StoreTime at;
};

/// Somebody else holds the lock, or waits for it in front of us.
struct Held {
  Holder holder;            // of several the one that ends first
  std::size_t holders = 1;  // 0: the lock is free, and `holder` waits for it in front of us
  Place place = {};
};

/// `held by host web1 ...`, what comes after "the lock is".
std::string describe(const Held& held);

/// `--once-per`: the run of this slot has been.
struct AlreadyDone {
  PastRun by;
};

/// The store came up too short a time ago to be trusted with a new lock.
struct RecentlyRestarted {
  Duration wait;
};

using AcquireAnswer = std::variant<Grant, Held, RecentlyRestarted, AlreadyDone>;

struct Extended {
  Instant stop_by;
};
/// The lock is not ours any more; no retry can bring it back.
struct Lost {
  std::string how;
  /// Who has it now, if somebody has.
  std::optional<Holder> to = {};
  /// By force (see Inspector): it is to be released all the same, for until then nobody gets it.
  bool by_force = false;
};
Lost lost_by_force(const Holder& by);

using RenewAnswer = std::variant<Extended, Lost>;

/// What a release leaves behind.
struct ReleaseOptions {
  /// `--min-hold`: how much longer the lock stays taken although nobody uses it.
  Duration keep{};
  /// `--once-per`: what to remember of this run.
  std::optional<PastRun> run = {};
};

struct Released {};
using ReleaseAnswer = std::variant<Released, Lost>;

/// One place that remembers who holds a lock.
///
/// "No" is an answer (Held, Lost); silence is a StoreFault. They are different types, because only
/// an answer or the deadline may kill a job. No call retries by itself what may have been applied,
/// but for a renewal whose connection ended under it.
///
/// Not thread-safe: one thread at a time, which may change (main thread, liveness thread, main).
class Store {
 public:
  virtual ~Store() = default;

  /// Takes the lock if nobody holds it or its holder is dead, and nobody waits for it who came
  /// before us. Every call makes a fresh owner hash. A claim that waits and is refused is in the
  /// queue from then on, and is to ask again when await_turn() returns.
  virtual Result<AcquireAnswer, StoreFault> acquire(const Claim& claim, const CallDeadline&) = 0;

  /// Proves to the store that the holder lives, and asks whether the lock is still its own.
  virtual Result<RenewAnswer, StoreFault> renew(const Claim& claim, const Grant& grant,
                                                const CallDeadline&) = 0;

  /// While the lock is ours: returns when it may have been lost, so that it is worth asking, or
  /// when the deadline has passed. Where the store cannot tell, the latter.
  virtual void await_loss(const Claim& claim, const Grant& grant, const CallDeadline&) = 0;

  /// After a refusal of a claim that waits: returns when it may be its turn, when it is time to ask
  /// again in any case, or when the deadline has passed. Tells neither of these apart, and asks the
  /// store nothing.
  virtual void await_turn(const Claim& claim, const CallDeadline&) = 0;

  /// Leaves the queue and lets the next one know. Whoever cannot leave loses its place by silence.
  virtual void leave_queue(const Claim& claim, const CallDeadline&) = 0;

  /// Gives the lock back, whichever attempt of this run got it. Only when no process of the job is
  /// left.
  virtual Result<ReleaseAnswer, StoreFault> release(const Claim& claim,
                                                    const ReleaseOptions& options,
                                                    const CallDeadline&) = 0;

  /// Descriptors that keep the lock held while any process has them open; none if there are none.
  virtual std::vector<int> witnesses() const { return {}; }

  /// Takes a lock over from another process of this run, which got it and is dead, by copies of its
  /// witnesses in their order: so that release() gives it back. False if nothing of it is left to
  /// be given back.
  virtual bool take_over(const Claim&, std::vector<Fd> witnesses) { return witnesses.empty(); }

  /// Names the store in messages: without its password.
  virtual std::string name() const = 0;
};

}  // namespace dlock
