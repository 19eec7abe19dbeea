#include "report/report.h"

#include "core/text.h"

#include <doctest/doctest.h>

#include <string>

using namespace dlock;
using namespace std::chrono_literals;

namespace {

RunReport full_report() {
  RunReport report;
  report.ending = Ending::Held;
  report.exit = {.code = 75};
  report.key = "backup";
  report.store = "redis://web1";
  report.owner = {"backup@run#1"};
  report.token = {42};
  report.acquired_at = "2026-01-31T02:00:00.000Z";
  report.ended_at = "2026-01-31T02:00:07.000Z";
  report.reason = "held by somebody";
  report.holder = {.owner = {"backup@other#1"},
                   .trace = "t",
                   .acquired_at = "2026-01-31T01:00:00.000Z",
                   .host = "web2",
                   .pid = 7,
                   .user = "me",
                   .command = "sleep 60",
                   .note = "n",
                   .token = {41}};
  report.lost_to = report.holder;
  report.waited = 250ms;
  report.held = 2s;
  report.renewals.add(10ms);
  report.renewals.add(1234us);
  report.renewals.add(7us);
  report.used = ResourceUse{.user = 12ms, .system = 3ms, .max_rss_kib = 1024};
  report.leftovers = {.count = 5, .names = {"sleep", "sh"}};
  return report;
}

}  // namespace

TEST_CASE("a report is parsed back as it was written, for each ending") {
  for (int number = 0; number <= static_cast<int>(Ending::SupervisorDied); ++number) {
    RunReport report = full_report();
    report.ending = Ending{number};
    report.exit = {.signal = number};
    CAPTURE(name_of(report.ending));
    const auto read = report_from_json(to_json(report));
    REQUIRE(read);
    CHECK(to_json(*read) == to_json(report));
    CHECK(read->ending == report.ending);
    CHECK(read->exit == report.exit);
  }
  CHECK(to_json(*report_from_json(to_json(RunReport{}))) == to_json(RunReport{}));
}

TEST_CASE("no field of a report is lost in transfer") {
  const RunReport report = full_report();
  const RunReport read = *report_from_json(to_json(report));
  CHECK(read.exit.code == 75);
  CHECK(read.key == "backup");
  CHECK(read.store == "redis://web1");
  CHECK(read.owner.text == "backup@run#1");
  CHECK(read.token.value == 42);
  CHECK(read.reason == "held by somebody");
  CHECK(read.holder.command == "sleep 60");
  CHECK(read.holder.token.value == 41);
  CHECK(read.waited == 250ms);
  CHECK(read.held == 2s);
  CHECK(read.renewals.count == 3);
  CHECK(read.renewals.longest == 10ms);
  CHECK(read.used->max_rss_kib == 1024);
  CHECK(read.leftovers.count == 5);
  CHECK(read.leftovers.names == report.leftovers.names);
}

TEST_CASE("a report with arbitrary bytes in each of its texts is parsed") {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  bytes += std::string(100'000, '"');
  RunReport report = full_report();
  report.ending = Ending::Held;
  for (std::string* text :
       {&report.key, &report.store, &report.owner.text, &report.acquired_at, &report.ended_at,
        &report.reason, &report.holder.owner.text, &report.holder.trace, &report.holder.acquired_at,
        &report.holder.host, &report.holder.user, &report.holder.command, &report.holder.note})
    *text = bytes;
  report.lost_to = report.holder;
  report.leftovers.names = {bytes, bytes, bytes};
  const auto read = report_from_json(to_json(report));
  REQUIRE(read);
  CHECK(read->key == printable(bytes));
  CHECK(to_json(*read) == to_json(report));
}

TEST_CASE("text that is not a report is refused") {
  const std::string whole = to_json(full_report());
  for (const std::string& text :
       {std::string{}, std::string{"garbage"}, std::string{"[]"}, std::string{"{}"},
        whole.substr(0, whole.size() / 2), std::string{R"({"outcome":"unknown","exit_code":0})"}})
    CHECK_MESSAGE(!report_from_json(text), text);
}

TEST_CASE("a report of a job that a signal ended is parsed as it was written") {
  RunReport report = full_report();
  report.ending = Ending::JobEnded;
  report.exit = {.signal = 9};
  const RunReport read = *report_from_json(to_json(report));
  CHECK(read.exit == report.exit);
  CHECK(read.exit.code == 0);
}
