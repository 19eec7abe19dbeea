#pragma once

#include "store/store.h"
#include "supervise/report.h"
#include "supervise/shared_deadline.h"

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
/// kills nothing and logs nothing. It moves the shared deadline, and leaves news.
///
/// All that it needs, the thread too, is made before there is a job: so a system that has no room
/// for it refuses the start, and no job is killed for that. Until begin() the thread sleeps, and
/// touches neither store nor heap; that of a short job never wakes. Between two renewals it listens
/// for a loss, where the store can tell of one.
class Liveness {
 public:
  /// `deadline` must outlive the process's threads. Throws std::system_error.
  Liveness(std::shared_ptr<Store> store, const Claim& claim, const Grant& grant,
           SharedDeadline& deadline);
  ~Liveness();

  /// From `watch_from` on a loss is noticed at once; the first renewal is due at `first`.
  void begin(Instant watch_from, Instant first);

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
  struct Shared;

  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace dlock::supervise
