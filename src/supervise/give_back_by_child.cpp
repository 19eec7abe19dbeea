#include "supervise/give_back_by_child.h"

#include "os/clock.h"
#include "os/poll.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <exception>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace dlock::supervise {
namespace {

constexpr int given_back = 0;
constexpr int kept = 1;

/// The child's whole life.
int give_back_alone(const StoreOptions& options, const Claim& claim, std::vector<Fd> witnesses,
                    const GiveBack& how, Log& log) {
  ::prctl(PR_SET_NAME, "dlock-release");
  const auto store = make_store(options);
  if (!store->take_over(claim, std::move(witnesses))) return given_back;
  if (!give_back(*store, claim, log, how)) return kept;
  if (claim.waits) store->leave_queue(claim, {BootClock::now() + claim.terms.request_timeout()});
  return given_back;
}

}  // namespace

bool give_back_by_child(const StoreOptions& store, const Claim& claim, std::vector<Fd> witnesses,
                        const GiveBack& how, Log& log) {
  // Where the kernel holds the lock, it is free with the last witness of it.
  if (!leases_expire(store.address) && witnesses.empty()) return true;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  const Fd child_lives{ends[0]};
  Fd lives{ends[1]};
  const pid_t child = ::fork();
  if (child < 0) return false;
  if (child == 0) {
    try {
      ::_exit(give_back_alone(store, claim, std::move(witnesses), how, log));
    } catch (const std::exception& failure) {
      log.debug(std::string{"the lock could not be released: "} + failure.what());
      ::_exit(kept);
    }
  }
  lives.close();
  // It ends by itself, as a rule: its store waits no longer than that.
  constexpr Duration grace = std::chrono::milliseconds{500};
  std::array<pollfd, 1> watched{{{child_lives.number(), POLLIN, 0}}};
  if (!wait_for_any(watched, BootClock::now() + how.patience + grace)) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return false;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == given_back;
}

}  // namespace dlock::supervise
