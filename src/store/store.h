#pragma once

#include "core/exit_code.h"
#include "core/holder.h"
#include "core/identity.h"
#include "core/key.h"
#include "core/lease.h"
#include "core/result.h"
#include "core/time.h"

#include <memory>
#include <string>
#include <variant>

namespace dlock {

/// The lack of an answer: the store was not asked, could not be reached, or did not say yes or no.
/// The request may or may not have been applied unless `not_applied` says so.
struct StoreFault {
  /// The code with which dlock ends if this happens before the job starts.
  ExitCode exit_code = ExitCode::StoreUnavailable;
  /// What happened, to what, and what to do: fit for a person, free of secrets.
  std::string sentence;
  /// True if the store certainly did nothing, so that no ghost of a lock can be left behind.
  bool not_applied = false;
  /// True if trying again at once may help: the connection broke or the time ran out.
  bool worth_retrying = false;
};

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
};

/// The lock is ours until `stop_by`, unless a renewal moves it.
struct Grant {
  OwnerHash owner;
  FencingToken token;
  std::string acquired_at;
  Instant stop_by;
};

/// Somebody else holds the lock.
struct Held {
  Holder holder;
};

/// The store came up too short a time ago to be trusted with a new lock.
struct TooYoung {
  Duration wait;
};

using AcquireAnswer = std::variant<Grant, Held, TooYoung>;

struct Extended {
  Instant stop_by;
};
/// The lock is not ours any more; no retry can bring it back.
struct Lost {
  std::string how;
};
using RenewAnswer = std::variant<Extended, Lost>;

struct Released {};
using ReleaseAnswer = std::variant<Released, Lost>;

/// Lets a caller call off a wait for the store.
class Interrupt {
 public:
  virtual ~Interrupt() = default;
  /// Readable when requested() is worth asking.
  virtual int fd() const = 0;
  /// Whether to stop waiting. May read from fd(), and never waits for it.
  virtual bool requested() = 0;
};

/// How long one call to the store may take. The call returns a fault when it is over.
struct Patience {
  Instant until;
  Interrupt* interrupt = nullptr;
};

/// One place that remembers who holds a lock.
///
/// "No" is an answer (Held, Lost); silence is a StoreFault. They are different types, because only
/// an answer or the deadline may kill a job. No call retries by itself.
///
/// Not thread-safe: one thread at a time, which may change (main thread, liveness thread, main).
class Store {
 public:
  virtual ~Store() = default;

  /// Takes the lock if nobody holds it or its holder is dead. Every call makes a fresh owner hash.
  virtual Result<AcquireAnswer, StoreFault> acquire(const Claim& claim, const Patience&) = 0;

  /// Proves to the store that the holder lives, and asks whether the lock is still its own.
  virtual Result<RenewAnswer, StoreFault> renew(const Claim& claim, const Grant& grant,
                                                const Patience&) = 0;

  /// Gives the lock back, whichever attempt of this run got it. Only when no process of the job is
  /// left.
  virtual Result<ReleaseAnswer, StoreFault> release(const Claim& claim, const Patience&) = 0;

  /// A descriptor that keeps the lock held while any process has it open; -1 if there is none.
  virtual int witness() const { return -1; }

  /// Names the store in messages: without its password.
  virtual std::string name() const = 0;
};

}  // namespace dlock
