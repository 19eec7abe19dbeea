#pragma once

#include "core/fd.h"
#include "store/store.h"
#include "supervise/report.h"
#include "supervise/shared_deadline.h"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
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
/// The thread starts with start(), so that the main thread can fork before; a job that is short
/// never has one. Between two renewals it listens for a loss, where the store can tell of one.
class Liveness {
 public:
  /// `claim`, `grant` and `deadline` must outlive this. Throws std::system_error.
  Liveness(std::unique_ptr<Store> store, const Claim& claim, const Grant& grant,
           SharedDeadline& deadline);
  ~Liveness();

  /// `first` is when the first renewal is due.
  void start(Instant first);
  bool started() const { return thread_.joinable(); }

  /// Readable when take_news() has something.
  int fd() const { return news_fd_.number(); }
  LivenessNews take_news();

  /// How long renewals took so far.
  RenewalTimes renewals() const;

  /// Ends the thread and gives the store back to the caller. Nothing if the thread does not end in
  /// time: then the store is in its hands still, and the lock is left to expire.
  std::unique_ptr<Store> stop(Instant until);

 private:
  class Loop;
  struct Shared;

  const Claim& claim_;
  const Grant& grant_;
  SharedDeadline& deadline_;
  Fd news_fd_;
  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace dlock::supervise
