#include "supervise/liveness.h"

#include "core/poll.h"
#include "supervise/event.h"
#include "supervise/timer.h"

#include <array>
#include <atomic>
#include <cerrno>
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

/// Calls off a request. Once asked to stop, always: the event is not read.
class StopRequest final : public Interrupt {
 public:
  explicit StopRequest(const Fd& stop) : stop_(stop) {}
  int fd() const override { return stop_.number(); }
  bool requested() override { return is_readable(fd()); }

 private:
  const Fd& stop_;
};

/// Ends the wait between two renewals: when the next one is due, when a clock was set (see
/// ClockChange), or when asked to stop.
class RenewalDue final : public Interrupt {
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

}  // namespace

/// What both threads use. Held by both, so that a thread left behind does not use freed memory.
struct Liveness::Shared {
  Shared(std::shared_ptr<Store> of_both, const Claim& ours, const Grant& granted,
         SharedDeadline& moved)
      : store(std::move(of_both)), claim(ours), grant(granted), deadline(moved) {}

  const std::shared_ptr<Store> store;
  const Claim claim;
  const Grant grant;
  SharedDeadline& deadline;

  // Asleep: the store is the main thread's still. Who ends that phase has it from then on.
  enum class Phase { Asleep, Awake, Over };
  std::atomic<Phase> phase{Phase::Asleep};
  std::atomic<Instant> first{never};
  Timer begin;

  const Fd stop = make_event_fd();
  const Fd ended = make_event_fd();
  const Fd news_fd = make_event_fd();
  std::mutex mutex;
  LivenessNews news;      // guarded by mutex
  RenewalTimes renewals;  // likewise
};

/// The body of the thread.
class Liveness::Loop {
 public:
  explicit Loop(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  void run() {
    std::array<pollfd, 1> watched{{{shared_->begin.fd(), POLLIN, 0}}};
    while (watched[0].revents == 0) wait_for_any(watched, never);
    auto phase = Shared::Phase::Asleep;
    if (shared_->phase.compare_exchange_strong(phase, Shared::Phase::Awake)) renew_until_stopped();
    wake(shared_->ended);
  }

 private:
  void renew_until_stopped() {
    const LeaseTerms& terms = shared_->claim.terms;
    for (Instant next = shared_->first; wait_until(next);) {
      const Instant began = BootClock::now();
      Patience patience{began + terms.request_timeout(), &stop_};
      auto answer = shared_->store->renew(shared_->claim, shared_->grant, patience);
      if (!answer) {
        tell_silence(answer.error(), began);
        // From when it began: a timeout took its time already, a refused connection took none.
        next = began + terms.retry_every();
        continue;
      }
      {
        const std::lock_guard lock{shared_->mutex};
        shared_->renewals.add(BootClock::now() - began);
      }
      if (const auto* lost = std::get_if<Lost>(&*answer)) {
        tell([&](LivenessNews& news) { news.lost = *lost; });
        return;
      }
      shared_->deadline.move_to(std::get<Extended>(*answer).stop_by);
      tell_heard();
      next = began + terms.renew_every();
    }
  }

  /// False when asked to stop. Also returns when the lock may have been lost.
  bool wait_until(Instant next) {
    due_.arm(next);
    shared_->store->await_loss(shared_->claim, shared_->grant, {never, &due_});
    due_.rearm_clock_change();
    return !stop_.requested();
  }

  /// An outage often begins with a connection that broke, and lasts for another reason.
  void tell_silence(const StoreFault& fault, Instant since) {
    // That we called it off ourselves is no news of the store.
    if (stop_.requested() || silence_ == fault.sentence) return;
    const bool begins = std::exchange(silence_, fault.sentence).empty();
    tell([&](LivenessNews& news) {
      news.silence = fault;
      if (!begins) return;
      news.silent_since = since;
      news.heard_again = false;  // if nobody has taken that yet, it is old
    });
  }
  void tell_heard() {
    if (std::exchange(silence_, {}).empty()) return;
    tell([](LivenessNews& news) { news.heard_again = true; });
  }
  template <class Change>
  void tell(Change change) {
    {
      const std::lock_guard lock{shared_->mutex};
      change(shared_->news);
    }
    wake(shared_->news_fd);
  }

  std::shared_ptr<Shared> shared_;
  StopRequest stop_{shared_->stop};
  RenewalDue due_{shared_->stop};
  std::string silence_;  // why renewals fail; empty while they work
};

Liveness::Liveness(std::shared_ptr<Store> store, const Claim& claim, const Grant& grant,
                   SharedDeadline& deadline)
    : shared_(std::make_shared<Shared>(std::move(store), claim, grant, deadline)) {
  thread_ = std::thread{[loop = std::make_unique<Loop>(shared_)] { loop->run(); }};
}

Liveness::~Liveness() {
  if (thread_.joinable()) thread_.detach();
}

void Liveness::begin(Instant watch_from, Instant first) {
  shared_->first = first;
  shared_->begin.arm(watch_from);
}

int Liveness::fd() const { return shared_->news_fd.number(); }

LivenessNews Liveness::take_news() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto drained = ::read(fd(), &count, sizeof count);
  const std::lock_guard lock{shared_->mutex};
  return std::exchange(shared_->news, {});
}

RenewalTimes Liveness::renewals() const {
  const std::lock_guard lock{shared_->mutex};
  return shared_->renewals;
}

bool Liveness::stop(Instant until) {
  auto phase = Shared::Phase::Asleep;
  shared_->phase.compare_exchange_strong(phase, Shared::Phase::Over);
  if (phase != Shared::Phase::Awake) return true;
  wake(shared_->stop);
  std::array<pollfd, 1> watched{{{shared_->ended.number(), POLLIN, 0}}};
  if (!wait_for_any(watched, until)) return false;
  if (thread_.joinable()) thread_.join();
  return true;
}

}  // namespace dlock::supervise
