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

/// What a run requests, and the identity that it publishes.
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
  /// Whether a refused run joins the queue of waiters.
  bool waits = false;
  std::optional<OncePer> once = {};
};

/// This run holds the lock until `stop_by`, which a renewal extends.
struct Grant {
  OwnerHash owner;
  FencingToken token;
  std::string acquired_at;
  Instant stop_by;
  StoreTime at;
};

/// Another run holds the lock, or is ahead in the queue.
struct Held {
  Holder holder;            // if there are several, the one that expires first
  std::size_t holders = 1;  // 0: the lock is free, and `holder` is a waiter ahead of this run
  Place place = {};
};

/// `held by host web1 ...`: the text that follows "the lock is".
std::string describe(const Held& held);

/// `--once-per`: the run of this slot has already completed.
struct AlreadyDone {
  PastRun by;
};

/// The store restarted too recently to grant a new lock: it can have lost the lock of a live
/// holder.
struct RecentlyRestarted {
  Duration wait;
};

using AcquireAnswer = std::variant<Grant, Held, RecentlyRestarted, AlreadyDone>;

struct Extended {
  Instant stop_by;
};
/// This run no longer holds the lock, and no retry can restore it.
struct Lost {
  std::string how;
  /// The current holder, if there is one.
  std::optional<Holder> to = {};
  /// Lost to a forced unlock (see Inspector). The run must still release the lock: before that no
  /// other run gets it.
  bool by_force = false;
};
Lost lost_by_force(const Holder& by);

using RenewAnswer = std::variant<Extended, Lost>;

/// What a release leaves behind.
struct ReleaseOptions {
  /// `--min-hold`: how much longer the lock stays taken after the release.
  Duration keep{};
  /// `--once-per`: the record of this run.
  std::optional<PastRun> run = {};
};

struct Released {};
using ReleaseAnswer = std::variant<Released, Lost>;

/// A place that records who holds a lock.
///
/// A refusal is an answer (Held, Lost); a missing answer is a StoreFault. They have different
/// types, because only an answer or the deadline may kill a job. No call retries a request that can
/// have been applied, except a renewal whose connection ended during the request.
///
/// Not thread-safe: one thread at a time, which can change (main thread, liveness thread, main).
class Store {
 public:
  virtual ~Store() = default;

  /// Acquires the lock if it is free or its holder is dead, and no earlier waiter is in the queue.
  /// Each call creates a new owner hash. After a refusal a claim that waits is in the queue, and
  /// the caller must call acquire() again when await_turn() returns.
  virtual Result<AcquireAnswer, StoreFault> acquire(const Claim& claim, const CallDeadline&) = 0;

  /// Proves to the store that the holder is alive, and checks that it still holds the lock.
  virtual Result<RenewAnswer, StoreFault> renew(const Claim& claim, const Grant& grant,
                                                const CallDeadline&) = 0;

  /// For a run that holds the lock: returns when the lock may have been lost, so that a renewal is
  /// worth sending, or when the deadline has passed. A store without such events returns at the
  /// deadline.
  virtual void await_loss(const Claim& claim, const Grant& grant, const CallDeadline&) = 0;

  /// After a refusal of a claim that waits: returns when it may be this run's turn, when the next
  /// acquire() is due, or when the deadline has passed. Does not distinguish these cases, and sends
  /// the store no request.
  virtual void await_turn(const Claim& claim, const CallDeadline&) = 0;

  /// Leaves the queue and wakes the next waiter. If this fails, the place in the queue expires.
  virtual void leave_queue(const Claim& claim, const CallDeadline&) = 0;

  /// Releases the lock, whichever attempt of this run acquired it. Call only when no process of the
  /// job is left.
  virtual Result<ReleaseAnswer, StoreFault> release(const Claim& claim,
                                                    const ReleaseOptions& options,
                                                    const CallDeadline&) = 0;

  /// The descriptors that keep the lock held while any process has them open; empty if the store
  /// has none.
  virtual std::vector<int> lock_descriptors() const { return {}; }

  /// Takes the lock over from a dead process of this run, by copies of its lock descriptors in the
  /// same order, so that release() can release it. False if there is nothing left to release.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): the embedded store keeps them
  virtual bool take_over(const Claim&, std::vector<Fd> descriptors) { return descriptors.empty(); }

  /// The name of the store in messages, without its password.
  virtual std::string name() const = 0;
};

}  // namespace dlock
