#include "os/clock.h"
#include "supervise/release.h"

#include <doctest/doctest.h>

#include <csignal>

using namespace dlock;
using namespace dlock::supervise;
using namespace std::chrono_literals;

namespace {

ReleaseOptions after(Ending ending, std::int32_t detail, Duration since_start,
                     bool even_if_failed = false) {
  const RunOptions options{.key = *LockKey::parse("k"),
                           .store = {.address = LocalAddress{}},
                           .terms = {10s, 5min},
                           .min_hold = 1min,
                           .once = OncePer{1h, even_if_failed}};
  const Claim claim{
      .key = options.key, .terms = options.terms, .process = {}, .host = "web1", .pid = 7};
  RunReport report;
  report.ending = ending;
  report.exit = exit_status_of(ending, detail, 75);
  return release_options_of(options, claim, {42}, report, since_start);
}

}  // namespace

TEST_CASE("a lock is kept for the rest of --min-hold, however the job ended") {
  CHECK(after(Ending::JobEnded, 0, 20s).keep == 40s);
  CHECK(after(Ending::JobEnded, 1 << 8, 20s).keep == 40s);
  CHECK(after(Ending::SupervisorDied, 0, 20s).keep == 40s);
  CHECK(after(Ending::JobEnded, 0, 60s).keep == 0s);
  CHECK(after(Ending::JobEnded, 0, 1h).keep == 0s);
}

TEST_CASE(
    "a slot is used by a run that exited with 0, and by a failed run only if the option says so") {
  CHECK(after(Ending::JobEnded, 0, 1s).run->counts);
  for (const auto& [ending, detail] : {std::pair{Ending::JobEnded, 3 << 8},
                                       {Ending::JobEnded, SIGKILL},
                                       {Ending::SupervisorDied, 0},
                                       {Ending::LockUnconfirmed, 0},
                                       {Ending::MaxRunExceeded, 0},
                                       {Ending::JobHung, 0}}) {
    CAPTURE(name_of(ending));
    CHECK_FALSE(after(ending, detail, 1s).run->counts);
    CHECK(after(ending, detail, 1s, /*even_if_failed=*/true).run->counts);
  }
  const PastRun run = *after(Ending::JobEnded, 3 << 8, 1s).run;
  CHECK(run.exit_code == 3);
  CHECK(run.host == "web1");
  CHECK(run.started.ms == 42);
}

TEST_CASE("a run that lost the lock keeps no lock and is not remembered") {
  CHECK(after(Ending::LockLost, 0, 1s, true).keep == 0s);
  CHECK_FALSE(after(Ending::LockLost, 0, 1s, true).run);
}

TEST_CASE("a command that could not be run keeps no lock and does not use its slot") {
  CHECK(after(Ending::CannotRun, ENOENT, 1s).keep == 0s);
  CHECK_FALSE(after(Ending::CannotRun, ENOENT, 1s, true).run);
}

TEST_CASE(
    "the release of a run that is to be remembered has the rest of the lease, or two seconds") {
  RunOptions options{
      .key = *LockKey::parse("k"), .store = {.address = LocalAddress{}}, .terms = {10s, 5min}};
  const Instant now = BootClock::now();
  CHECK(release_timeout_for(options, Ending::JobEnded, now + 1h) == 2s);
  options.once = OncePer{1h};
  CHECK(release_timeout_for(options, Ending::JobEnded, now + 1h) > 30min);
  CHECK(release_timeout_for(options, Ending::JobEnded, now + 1h) <= 1h);
  CHECK(release_timeout_for(options, Ending::JobEnded, now + 1s) == 2s);
  CHECK(release_timeout_for(options, Ending::JobEnded, never) == 2s);
  CHECK(release_timeout_for(options, Ending::LockUnconfirmed, now + 1h) == 2s);
}
