#pragma once

#include "job/shared_deadline.h"
#include "report/report.h"
#include "store/store.h"

#include <memory>
#include <optional>
#include <thread>

namespace dlock::supervise {

/// What the liveness thread has to say to the main loop.
struct LivenessNews {
  std::optional<Lost> lost;             // an answer: the lock is not ours
  std::optional<Instant> silent_since;  // renewals began to fail: when the first that did was sent
  std::optional<StoreFault> silence;    // why they fail by now
  bool heard_again = false;             // and work again
};

/// Renews the lease by a thread of its own, which may hang as long as it likes: it decides nothing,
/// kills nothing and logs nothing. It moves the shared deadline, and leaves news. Between two
/// renewals it listens for a loss, where the store can tell of one.
///
/// Descriptors are made before there is a job: a system that has none refuses the start. The thread
/// is made when the job has run for a moment, so that a short job costs none. A system may have no
/// room for it by then, or forbid threads at all, as a filter does that answers clone3(2) with
/// EPERM. Then each renewal is asked for by whoever calls turn(), and the thread is tried again
/// before the next: a job is not killed for want of one. Whoever calls is held up meanwhile, but no
/// longer than the store is given for an answer; should it hang all the same, the front kills.
class Liveness {
 public:
  /// `deadline` must outlive the process's threads. Throws std::system_error.
  Liveness(std::shared_ptr<Store> store, const Claim& claim, const Grant& grant,
           SharedDeadline& deadline);
  ~Liveness();

  /// From `watch_from` on a loss is noticed at once; the first renewal is due at `first`.
  void begin(Instant watch_from, Instant first);

  /// When turn() has something to do; never, while there is a thread for it.
  Instant due() const { return due_; }
  void turn(Instant now);

  /// Readable when take_news() has something.
  int fd() const;
  LivenessNews take_news();

  /// How long renewals took so far.
  RenewalTimes renewals() const;

  /// Ends the thread. False if it does not end in time: then the store is in its hands still, and
  /// the lock is left to expire.
  bool stop(Instant until);

 private:
  class Loop;

  bool make_thread();

  std::shared_ptr<Loop> loop_;  // of the thread, too: one that is left behind goes on using it
  std::thread thread_;
  Instant due_ = never;
};

}  // namespace dlock::supervise
