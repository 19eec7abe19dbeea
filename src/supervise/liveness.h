#pragma once

#include "job/shared_deadline.h"
#include "report/report.h"
#include "store/store.h"

#include <memory>
#include <optional>
#include <thread>

namespace dlock::supervise {

/// What the liveness thread reports to the main loop.
struct LivenessNews {
  std::optional<Lost> lost;              // the store said that the run no longer has the lock
  std::optional<Instant> failing_since;  // start of the first failed renewal
  std::optional<StoreFault> failure;     // the latest reason of the failures
  bool renewed_again = false;            // renewals work again
};

/// Renews the lease in a thread of its own. The thread can hang forever without harm: it decides
/// nothing, kills nothing and logs nothing. It moves the shared deadline and leaves news for the
/// main loop. Between two renewals it waits for the store to report a loss, if the store can.
///
/// The descriptors are made before there is a job, so a lack of them prevents the start. The thread
/// is made when the job has run for a moment, so that a short job costs no thread. The system can
/// lack room for the thread by then, or forbid threads altogether (a filter that answers clone3(2)
/// with EPERM). In that case turn() renews in the caller's thread, and tries to make the thread
/// again before each renewal: a job is not killed for the lack of a thread. The caller is then
/// blocked for one call deadline at most. If it hangs nevertheless, the front kills the job.
class Liveness {
 public:
  /// `deadline` must outlive every thread of the process. Throws std::system_error.
  Liveness(std::shared_ptr<Store> store, const Claim& claim, const Grant& grant,
           SharedDeadline& deadline);
  ~Liveness();

  /// Starts the thread at `watch_from`; from then on a loss is noticed at once. The first renewal
  /// is due at `first`.
  void begin(Instant watch_from, Instant first);

  /// When turn() has something to do; never, while the thread does it.
  Instant due() const { return due_; }
  void turn(Instant now);

  /// Readable when take_news() has something to return.
  int fd() const;
  LivenessNews take_news();

  /// How long the renewals took so far.
  RenewalTimes renewals() const;

  /// Ends the thread. Returns false if it does not end by `until`: then it still uses the store,
  /// and the lock must be left to expire.
  bool stop(Instant until);

 private:
  class StopRequest;
  class RenewalDue;
  class Loop;

  bool make_thread();

  std::shared_ptr<Loop> loop_;  // shared with the thread, which can outlive this object
  std::thread thread_;
  Instant due_ = never;
};

}  // namespace dlock::supervise
