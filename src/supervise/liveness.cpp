#include "supervise/liveness.h"

#include "core/poll.h"
#include "supervise/event.h"
#include "supervise/timer.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <sys/epoll.h>
#include <system_error>
#include <unistd.h>

namespace dlock::supervise {
namespace {

/// Once asked to stop, always: the event is not read.
bool is_asked(const Fd& stop) {
  std::array<pollfd, 1> watched{{{stop.number(), POLLIN, 0}}};
  return wait_for_any(watched, BootClock::now());
}

/// Calls off a request.
class StopRequest final : public Interrupt {
 public:
  explicit StopRequest(const Fd& stop) : stop_(stop) {}
  int fd() const override { return stop_.number(); }
  bool requested() override { return is_asked(stop_); }

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
    std::array<pollfd, 1> watched{{{clock_change_.fd(), POLLIN, 0}}};
    if (wait_for_any(watched, BootClock::now())) clock_change_.rearm();
  }
  int fd() const override { return all_.number(); }
  bool requested() override { return true; }

 private:
  Timer timer_;
  ClockChange clock_change_;
  Fd all_;
};

}  // namespace

/// What both threads use. Held by both, so that a thread left behind does not use freed memory.
struct Liveness::Shared {
  std::unique_ptr<Store> store;
  Fd stop = make_event_fd();
  Fd ended = make_event_fd();
  int news_fd = -1;
  std::mutex mutex;
  LivenessNews news;      // guarded by mutex
  RenewalTimes renewals;  // likewise
};

/// The body of the thread.
class Liveness::Loop {
 public:
  Loop(std::shared_ptr<Shared> shared, const Claim& claim, const Grant& grant,
       SharedDeadline& deadline)
      : shared_(std::move(shared)), claim_(claim), grant_(grant), deadline_(deadline) {}

  void run(Instant next) {
    while (wait_until(next)) {
      const Instant began = BootClock::now();
      Patience patience{began + claim_.terms.request_timeout(), &stop_};
      auto answer = shared_->store->renew(claim_, grant_, patience);
      if (!answer) {
        tell_silence(answer.error(), began);
        // From when it began: a timeout took its time already, a refused connection took none.
        next = began + claim_.terms.retry_every();
        continue;
      }
      {
        const std::lock_guard lock{shared_->mutex};
        shared_->renewals.add(BootClock::now() - began);
      }
      if (const auto* lost = std::get_if<Lost>(&*answer)) {
        tell([&](LivenessNews& news) { news.lost = *lost; });
        break;
      }
      deadline_.move_to(std::get<Extended>(*answer).stop_by);
      tell_heard();
      next = began + claim_.terms.renew_every();
    }
    wake(shared_->ended);
  }

 private:
  /// False when asked to stop. Also returns when the lock may have been lost.
  bool wait_until(Instant next) {
    due_.arm(next);
    shared_->store->await_loss(claim_, grant_, {never, &due_});
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
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(shared_->news_fd, &one, sizeof one);
  }

  std::shared_ptr<Shared> shared_;
  const Claim& claim_;
  const Grant& grant_;
  SharedDeadline& deadline_;
  StopRequest stop_{shared_->stop};
  RenewalDue due_{shared_->stop};
  std::string silence_;  // why renewals fail; empty while they work
};

Liveness::Liveness(std::unique_ptr<Store> store, const Claim& claim, const Grant& grant,
                   SharedDeadline& deadline)
    : claim_(claim),
      grant_(grant),
      deadline_(deadline),
      news_fd_(make_event_fd()),
      shared_(std::make_shared<Shared>()) {
  shared_->store = std::move(store);
  shared_->news_fd = news_fd_.number();
}

Liveness::~Liveness() {
  if (thread_.joinable()) thread_.detach();
}

void Liveness::start(Instant first) {
  thread_ = std::thread{
      [shared = shared_, &claim = claim_, &grant = grant_, &deadline = deadline_, first] {
        Loop{shared, claim, grant, deadline}.run(first);
      }};
}

LivenessNews Liveness::take_news() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto drained = ::read(news_fd_.number(), &count, sizeof count);
  const std::lock_guard lock{shared_->mutex};
  return std::exchange(shared_->news, {});
}

RenewalTimes Liveness::renewals() const {
  const std::lock_guard lock{shared_->mutex};
  return shared_->renewals;
}

std::unique_ptr<Store> Liveness::stop(Instant until) {
  if (started()) {
    wake(shared_->stop);
    std::array<pollfd, 1> watched{{{shared_->ended.number(), POLLIN, 0}}};
    if (!wait_for_any(watched, until)) return nullptr;
    thread_.join();
  }
  return std::move(shared_->store);
}

}  // namespace dlock::supervise
