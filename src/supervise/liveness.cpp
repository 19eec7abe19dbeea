#include "supervise/liveness.h"

#include "os/clock.h"
#include "os/timer.h"
#include "os/wait.h"

#include <array>
#include <cerrno>
#include <exception>
#include <mutex>
#include <sys/epoll.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace dlock::supervise {
namespace {

bool is_readable(int fd) {
  std::array<pollfd, 1> watched{{{fd, POLLIN, 0}}};
  return wait_for_any(watched, BootClock::now());
}

}  // namespace

/// Cancels a request after stop(). It stays set, because the event is never read.
class Liveness::StopRequest final : public Cancellation {
 public:
  explicit StopRequest(const Fd& stop) : stop_(stop) {}
  int fd() const override { return stop_.number(); }
  bool requested() override { return is_readable(fd()); }

 private:
  const Fd& stop_;
};

/// Ends the wait between two renewals: when the next one is due, when a clock was set (see
/// ClockChange), or after stop().
class Liveness::RenewalDue final : public Cancellation {
 public:
  explicit RenewalDue(const Fd& stop) : all_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (const int fd : {stop.number(), timer_.fd(), clock_change_.fd()}) {
      epoll_event event{};
      event.events = EPOLLIN;
      if (::epoll_ctl(all_.number(), EPOLL_CTL_ADD, fd, &event) != 0)
        throw std::system_error{errno, std::generic_category(), "epoll"};
    }
  }
  void arm(Instant next) { timer_.arm(next); }
  void rearm_clock_change() {
    if (is_readable(clock_change_.fd())) clock_change_.rearm();
  }
  int fd() const override { return all_.number(); }
  bool requested() override { return is_readable(fd()); }

 private:
  Timer timer_;
  ClockChange clock_change_;
  Fd all_;
};

/// The body of the thread, and the state that both threads share.
class Liveness::Loop {
 public:
  Loop(std::shared_ptr<Store> store, const Claim& claim, const Grant& grant,
       SharedDeadline& deadline)
      : store_(std::move(store)), claim_(claim), grant_(grant), deadline_(deadline) {}

  // --- the renewing thread ---

  /// Runs the thread until stop() or until the lock is lost.
  void run() {
    while (wait_until(next_) && renew()) {
    }
    wake(ended);
  }

  /// Returns false when the lock is lost. The next renewal is due at next().
  bool renew() {
    const LeaseTerms& terms = claim_.terms;
    const Instant began = BootClock::now();
    auto answer = store_->renew(claim_, grant_, {began + terms.request_timeout(), &stop_asked_});
    if (!answer) {
      tell_failure(answer.error(), began);
      // Counted from the start of the call: a timeout has already used its time, a refused
      // connection has used none.
      next_ = began + terms.retry_every();
      return true;
    }
    {
      const std::lock_guard lock{mutex_};
      renewals_.add(BootClock::now() - began);
    }
    if (const auto* lost = std::get_if<Lost>(&*answer)) {
      tell([&](LivenessNews& news) { news.lost = *lost; });
      return false;
    }
    deadline_.move_to(std::get<Extended>(*answer).stop_by);
    tell_success();
    next_ = began + terms.renew_every();
    return true;
  }

  Instant next() const { return next_; }
  void begin_at(Instant first) { next_ = first; }

  // --- the main thread ---

  int news_fd() const { return news_told_.number(); }

  LivenessNews take_news() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto drained = ::read(news_fd(), &count, sizeof count);
    const std::lock_guard lock{mutex_};
    return std::exchange(news_, {});
  }

  RenewalTimes renewals() {
    const std::lock_guard lock{mutex_};
    return renewals_;
  }

  const Fd stop = make_event_fd();
  const Fd ended = make_event_fd();

 private:
  /// Returns false after stop(). Also returns when the lock may have been lost.
  bool wait_until(Instant next) {
    due_.arm(next);
    store_->await_loss(claim_, grant_, {never, &due_});
    due_.rearm_clock_change();
    return !stop_asked_.requested();
  }

  /// Reports a failed renewal. Each new reason is reported: an outage often begins with a broken
  /// connection and lasts for another reason.
  void tell_failure(const StoreFault& fault, Instant since) {
    // A call that dlock itself cancelled says nothing about the store.
    if (stop_asked_.requested() || failure_ == fault.sentence) return;
    const bool begins = std::exchange(failure_, fault.sentence).empty();
    tell([&](LivenessNews& news) {
      news.failure = fault;
      if (!begins) return;
      news.failing_since = since;
      news.renewed_again = false;  // not yet taken, and outdated now
    });
  }
  void tell_success() {
    if (std::exchange(failure_, {}).empty()) return;
    tell([](LivenessNews& news) { news.renewed_again = true; });
  }
  template <class Change>
  void tell(Change change) {
    {
      const std::lock_guard lock{mutex_};
      change(news_);
    }
    wake(news_told_);
  }

  // Used by the renewing thread only: the liveness thread, once it is made.
  const std::shared_ptr<Store> store_;
  const Claim claim_;
  const Grant grant_;
  SharedDeadline& deadline_;
  Instant next_ = never;
  StopRequest stop_asked_{stop};
  RenewalDue due_{stop};
  std::string failure_;  // why renewals fail; empty while they work

  const Fd news_told_ = make_event_fd();
  std::mutex mutex_;
  LivenessNews news_;      // guarded by mutex_
  RenewalTimes renewals_;  // guarded by mutex_
};

Liveness::Liveness(std::shared_ptr<Store> store, const Claim& claim, const Grant& grant,
                   SharedDeadline& deadline)
    : loop_(std::make_shared<Loop>(std::move(store), claim, grant, deadline)) {}

Liveness::~Liveness() {
  if (thread_.joinable()) thread_.detach();
}

void Liveness::begin(Instant watch_from, Instant first) {
  loop_->begin_at(first);
  due_ = watch_from;
}

bool Liveness::make_thread() {
  try {
    thread_ = std::thread{[loop = loop_] { loop->run(); }};
  } catch (const std::exception&) {  // the system refuses, or memory is short
    return false;
  }
  return true;
}

void Liveness::turn(Instant now) {
  if (now < due_) return;
  due_ = never;
  if (make_thread()) return;
  if (now < loop_->next() || loop_->renew()) due_ = loop_->next();
}

int Liveness::fd() const { return loop_->news_fd(); }

LivenessNews Liveness::take_news() { return loop_->take_news(); }

RenewalTimes Liveness::renewals() const { return loop_->renewals(); }

bool Liveness::stop(Instant until) {
  due_ = never;
  if (!thread_.joinable()) return true;
  wake(loop_->stop);
  std::array<pollfd, 1> watched{{{loop_->ended.number(), POLLIN, 0}}};
  if (!wait_for_any(watched, until)) return false;
  thread_.join();
  return true;
}

}  // namespace dlock::supervise
