#include "report/metrics.h"

#include "report/report.h"

#include <doctest/doctest.h>

#include <tuple>
#include <vector>

using namespace dlock;
using namespace std::chrono_literals;

namespace {

RunReport report_of(Ending ending, std::int32_t detail) {
  RunReport report;
  report.ending = ending;
  report.exit = exit_status_of(ending, detail, 75);
  report.key = "k";
  return report;
}

}  // namespace

TEST_CASE("each ending has its outcome in the metrics and its hook") {
  const std::vector<std::tuple<Ending, int, Success, const char*>> cases{
      {Ending::JobEnded, 0, Success::Succeeded, "success"},
      {Ending::JobEnded, 3 << 8, Success::Failed, "job_failed"},
      {Ending::JobEnded, 9, Success::Failed, "job_failed"},
      {Ending::Held, 0, Success::Skipped, "held"},
      {Ending::AlreadyDone, 0, Success::Skipped, "already_done"},
      {Ending::LockLost, 0, Success::Lost, "lock_lost"},
      {Ending::LockUnconfirmed, 0, Success::Lost, "lock_unconfirmed"},
      {Ending::Interrupted, 15, Success::Cancelled, "interrupted"},
      {Ending::CannotRun, 2, Success::Failed, "cannot_run"},
      {Ending::StoreFailed, 69, Success::Failed, "store_failed"},
      {Ending::JobHung, 0, Success::Failed, "job_hung"},
      {Ending::MaxRunExceeded, 0, Success::Failed, "max_run_exceeded"},
      {Ending::SupervisorDied, 0, Success::Failed, "supervisor_died"},
      {Ending::SystemFailed, 11, Success::Failed, "system_failed"}};
  for (const auto& [ending, detail, success, outcome] : cases) {
    CAPTURE(outcome);
    CHECK(success_of(report_of(ending, detail)) == success);
    CHECK(outcome_of(report_of(ending, detail)) == outcome);
  }
}

TEST_CASE("the numbers of a report are added to the metrics") {
  RunReport report = report_of(Ending::JobEnded, 0);
  report.waited = 250ms;
  report.held = 2s;
  report.renewals.add(10ms);
  report.renewals.add(30ms);
  const auto once = with_run("", report, 1700000000.5);
  REQUIRE(once);
  const auto twice = with_run(*once, report, 1700000001.5);
  REQUIRE(twice);
  for (const char* line :
       {"# TYPE dlock_runs_total counter\ndlock_runs_total{key=\"k\",outcome=\"success\"} 2\n",
        "# TYPE dlock_wait_seconds summary\ndlock_wait_seconds_count{key=\"k\"} "
        "2\ndlock_wait_seconds_sum{key=\"k\"} 0.5\n",
        "dlock_hold_seconds_sum{key=\"k\"} 4\n", "dlock_renewal_seconds_count{key=\"k\"} 4\n",
        "dlock_renewal_seconds_sum{key=\"k\"} 0.08\n",
        "dlock_renewal_max_seconds{key=\"k\"} 0.03\n",
        "dlock_last_success_timestamp_seconds{key=\"k\"} 1700000001.500\n",
        "dlock_last_exit_code{key=\"k\"} 0\n"})
    CHECK_MESSAGE(twice->find(line) != std::string::npos, line, *twice);
}

TEST_CASE("a skipped run does not change the numbers of the runs that held the lock") {
  RunReport ran = report_of(Ending::JobEnded, 0);
  ran.held = 2s;
  const auto first = with_run("", ran, 1);
  const auto both = with_run(*first, report_of(Ending::Held, 0), 2);
  REQUIRE(both);
  CHECK(both->find("dlock_hold_seconds_count{key=\"k\"} 1\n") != std::string::npos);
  CHECK(both->find("dlock_last_success_timestamp_seconds{key=\"k\"} 1\n") != std::string::npos);
  CHECK(both->find("dlock_last_exit_code{key=\"k\"} 75\n") != std::string::npos);
}

TEST_CASE("a file with other contents is left unchanged") {
  const RunReport run = report_of(Ending::JobEnded, 0);
  for (const char* other : {"node_load1 0.5\n", "dlock_runs_totals{} 1\n", "hello",
                            "dlock_wait_seconds{key=\"k\"} 1\n"})
    CHECK_MESSAGE(!with_run(other, run, 1), other);
  CHECK(with_run("# a comment\n\n", run, 1));
}
