#include "supervise/release.h"

#include "core/duration.h"
#include "os/clock.h"
#include "os/wait.h"

#include <algorithm>
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

std::optional<ReleaseAnswer> release_lock(Store& store, const Claim& claim, Log& log,
                                          const ReleaseAttempt& how) {
  const Instant until = BootClock::now() + how.timeout;
  bool maybe_released = false;
  for (;;) {
    auto answer = store.release(claim, how.options, CallDeadline{until, nullptr});
    if (answer) {
      // The lock may have been deleted by the first attempt, whose reply was lost.
      return maybe_released ? Released{} : *answer;
    }
    const StoreFault& fault = answer.error();
    maybe_released = maybe_released || !fault.not_applied;
    const Instant next = BootClock::now() + claim.terms.retry_every();
    if (!fault.worth_retrying || next >= until) {
      log.say(how.level, "the lock could not be released and expires within " +
                             to_text(claim.terms.ttl()) + ": " + fault.sentence +
                             (how.options.run ? "; --once-per does not remember this run" : ""));
      return {};
    }
    wait_for_any({}, next);
  }
}

ReleaseOptions release_options_of(const RunOptions& options, const Claim& claim,
                                  StoreTime granted_at, const RunReport& report,
                                  Duration since_start) {
  ReleaseOptions leaves;
  if (report.ending == Ending::CannotRun || report.ending == Ending::LockLost) return leaves;
  leaves.keep = std::max(Duration::zero(), options.min_hold - since_start);
  if (!options.once) return leaves;
  const bool succeeded = report.exit == ExitStatus{};
  leaves.run = PastRun{.started = granted_at,
                       .counts = succeeded || options.once->even_if_failed,
                       .ended_at = iso_now(),
                       .exit_code = report.exit.as_code(),
                       .host = claim.host,
                       .pid = claim.pid,
                       .user = claim.user,
                       .command = claim.command};
  return leaves;
}

Duration release_timeout_for(const RunOptions& options, Ending ending, Instant deadline) {
  if (!options.once || ending != Ending::JobEnded || deadline == never) return release_timeout;
  return std::max(release_timeout, deadline - BootClock::now());
}

namespace {

constexpr int given_back = 0;
constexpr int kept = 1;

/// The body of the child.
int release_in_child(const StoreOptions& options, const Claim& claim,
                     std::vector<Fd> lock_descriptors, const ReleaseAttempt& how, Log& log) {
  ::prctl(PR_SET_NAME, "dlock-release");
  const auto store = make_store(options);
  if (!store->take_over(claim, std::move(lock_descriptors))) return given_back;
  if (!release_lock(*store, claim, log, how)) return kept;
  if (claim.waits) store->leave_queue(claim, {BootClock::now() + claim.terms.request_timeout()});
  return given_back;
}

}  // namespace

bool release_by_child(const StoreOptions& store, const Claim& claim,
                      std::vector<Fd> lock_descriptors, const ReleaseAttempt& how, Log& log) {
  // If the kernel holds the lock, it is free when the last of its descriptors is closed.
  if (!leases_expire(store.address) && lock_descriptors.empty()) return true;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  const Fd child_lives{ends[0]};
  Fd lives{ends[1]};
  const pid_t child = ::fork();
  if (child < 0) return false;
  if (child == 0) {
    try {
      ::_exit(release_in_child(store, claim, std::move(lock_descriptors), how, log));
    } catch (const std::exception& failure) {
      log.debug(std::string{"the lock could not be released: "} + failure.what());
      ::_exit(kept);
    }
  }
  lives.close();
  // The child normally ends by itself: its calls to the store end at that timeout.
  constexpr Duration grace = std::chrono::milliseconds{500};
  std::array<pollfd, 1> watched{{{child_lives.number(), POLLIN, 0}}};
  if (!wait_for_any(watched, BootClock::now() + how.timeout + grace)) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return false;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == given_back;
}

}  // namespace dlock::supervise
