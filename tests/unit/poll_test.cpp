#include "os/clock.h"
#include "os/fd.h"
#include "os/wait.h"

#include <doctest/doctest.h>

#include <array>
#include <csignal>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/time.h>

using namespace dlock;
using namespace std::chrono_literals;

namespace {

/// Sets the limit of open descriptors to 0, so that poll(2) fails with EINVAL.
class PollRefuses {
 public:
  PollRefuses() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none{0, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~PollRefuses() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("a wait that the kernel refuses lasts for its full time and reports nothing ready") {
  const Fd ready{::eventfd(1, EFD_CLOEXEC)};
  std::array<pollfd, 1> watched{{{ready.number(), POLLIN, 0}}};
  REQUIRE(wait_for_any(watched, BootClock::now() + 1s));
  const PollRefuses refuses;
  const Instant until = BootClock::now() + 20ms;
  CHECK_FALSE(wait_for_any(watched, until));
  CHECK(BootClock::now() >= until);
}

TEST_CASE(
    "a wait without limit that the kernel refuses returns, so that the caller checks the clock") {
  const Fd silent{::eventfd(0, EFD_CLOEXEC)};
  std::array<pollfd, 1> watched{{{silent.number(), POLLIN, 0}}};
  const PollRefuses refuses;
  const Instant began = BootClock::now();
  CHECK_FALSE(wait_for_any(watched, never));
  CHECK(BootClock::now() - began >= 1ms);
}

TEST_CASE("a wait ends at its time, to the microsecond, and no signal ends it earlier") {
  struct sigaction heard {};
  struct sigaction before {};
  heard.sa_handler = [](int) {};
  REQUIRE(::sigaction(SIGALRM, &heard, &before) == 0);
  const itimerval often{{0, 3000}, {0, 3000}};
  const itimerval none{};
  ::setitimer(ITIMER_REAL, &often, nullptr);
  for (int i = 0; i < 10; ++i) {
    const Instant until = BootClock::now() + 5900us;
    CHECK_FALSE(wait_for_any({}, until));
    CHECK(BootClock::now() >= until);
  }
  ::setitimer(ITIMER_REAL, &none, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);
}
