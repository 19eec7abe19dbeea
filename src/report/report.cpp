#include "report/report.h"

#include "core/text.h"
#include "store/holder_json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <exception>
#include <stdexcept>

namespace dlock {

namespace {

using nlohmann::ordered_json;

ordered_json json_of(const Holder& holder) {
  ordered_json json = ordered_json::object();
  put(json, "owner", holder.owner.text);
  put_who(json, holder);
  if (holder.token.value != 0) json["token"] = holder.token.value;
  return json;
}

Holder holder_in(const nlohmann::json& json) {
  Holder holder = who_in(json);
  holder.owner.text = json.value("owner", "");
  holder.token.value = json.value("token", std::uint64_t{0});
  return holder;
}

/// To the microsecond.
double fine_ms(Duration duration) {
  return static_cast<double>(std::chrono::floor<std::chrono::microseconds>(duration).count()) /
         1000;
}

Duration from_ms(double ms) {
  return std::chrono::round<std::chrono::microseconds>(
      std::chrono::duration<double, std::milli>{ms});
}

std::optional<Duration> ms_in(const nlohmann::json& json, const char* field) {
  if (!json.contains(field)) return {};
  return std::chrono::milliseconds{json[field].get<std::int64_t>()};
}

RunReport report_in(const nlohmann::json& json) {
  RunReport report;
  const std::string outcome = json.at("outcome");
  const auto ending = ending_named(outcome);
  if (!ending) throw std::invalid_argument{outcome};
  report.ending = *ending;
  report.exit.signal = json.value("signal", 0);
  if (report.exit.signal == 0) report.exit.code = json.at("exit_code");
  report.key = json.at("key");
  report.store = json.at("store");
  report.owner.text = json.value("owner", "");
  report.token.value = json.value("token", std::uint64_t{0});
  report.acquired_at = json.value("acquired_at", "");
  report.ended_at = json.at("ended_at");
  report.waited = ms_in(json, "waited_ms");
  report.held = ms_in(json, "held_ms");
  report.reason = json.value("reason", "");
  if (json.contains("holder")) report.holder = holder_in(json["holder"]);
  if (json.contains("lost_to")) report.lost_to = holder_in(json["lost_to"]);
  if (json.contains("renewals")) {
    const auto& renewals = json["renewals"];
    report.renewals.count = renewals.at("count");
    report.renewals.sum = from_ms(renewals.at("mean_ms")) * report.renewals.count;
    report.renewals.longest = from_ms(renewals.at("max_ms"));
  }
  if (json.contains("job")) {
    const auto& job = json["job"];
    report.used = ResourceUse{.user = ms_in(job, "user_ms").value_or(Duration{}),
                              .system = ms_in(job, "system_ms").value_or(Duration{}),
                              .max_rss_kib = job.at("max_rss_kib")};
  }
  if (json.contains("leftovers")) {
    const auto& leftovers = json["leftovers"];
    report.leftovers = {.count = leftovers.at("count"), .names = leftovers.at("names")};
  }
  return report;
}

}  // namespace

void RenewalTimes::add(Duration time) {
  ++count;
  sum += time;
  longest = std::max(longest, time);
}

std::string to_json(const RunReport& report) {
  ordered_json json;
  json["outcome"] = name_of(report.ending);
  json["exit_code"] = report.exit.as_code();
  if (report.exit.signal != 0) json["signal"] = report.exit.signal;
  json["key"] = printable(report.key);
  json["store"] = printable(report.store);
  if (report.token.value != 0) {
    json["owner"] = report.owner.text;
    json["token"] = report.token.value;
    json["acquired_at"] = report.acquired_at;
  }
  json["ended_at"] = report.ended_at;
  if (report.waited) json["waited_ms"] = whole_ms(*report.waited);
  if (report.held) json["held_ms"] = whole_ms(*report.held);
  put(json, "reason", report.reason);
  if (report.ending == Ending::Held) json["holder"] = json_of(report.holder);
  if (report.lost_to) json["lost_to"] = json_of(*report.lost_to);
  if (report.renewals.count > 0) {
    json["renewals"] = {{"count", report.renewals.count},
                        {"mean_ms", fine_ms(report.renewals.sum / report.renewals.count)},
                        {"max_ms", fine_ms(report.renewals.longest)}};
  }
  if (report.used) {
    json["job"] = {{"user_ms", whole_ms(report.used->user)},
                   {"system_ms", whole_ms(report.used->system)},
                   {"max_rss_kib", report.used->max_rss_kib}};
  }
  if (report.leftovers.count > 0) {
    json["leftovers"] = {{"count", report.leftovers.count}, {"names", ordered_json::array()}};
    for (const std::string& name : report.leftovers.names)
      json["leftovers"]["names"].push_back(printable(name));
  }
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::optional<RunReport> report_from_json(std::string_view text) {
  try {
    return report_in(nlohmann::json::parse(text));
  } catch (const std::exception&) {  // invalid JSON, or JSON of another form
    return {};
  }
}

Success success_of(const RunReport& report) {
  switch (report.ending) {
    case Ending::JobEnded:
      return report.exit == ExitStatus{} ? Success::Succeeded : Success::Failed;
    case Ending::Held:
    case Ending::AlreadyDone:
      return Success::Skipped;
    case Ending::LockLost:
    case Ending::LockUnconfirmed:
      return Success::Lost;
    case Ending::Interrupted:
      return Success::Cancelled;
    case Ending::CannotRun:
    case Ending::StoreFailed:
    case Ending::SystemFailed:
    case Ending::JobHung:
    case Ending::MaxRunExceeded:
    case Ending::SupervisorDied:
      break;
  }
  return Success::Failed;
}

std::string outcome_of(const RunReport& report) {
  if (report.ending != Ending::JobEnded) return std::string{name_of(report.ending)};
  return success_of(report) == Success::Succeeded ? "success" : "job_failed";
}

std::string summary_of(const RunReport& report) {
  std::string text = outcome_of(report);
  std::replace(text.begin(), text.end(), '_', ' ');
  if (!report.reason.empty()) return text + ": " + printable(report.reason);
  return success_of(report) == Success::Failed
             ? text + ": exit code " + std::to_string(report.exit.as_code())
             : text;
}

std::vector<std::pair<std::string, std::string>> environment_of(const RunReport& report) {
  return {{"DLOCK_KEY", report.key},
          {"DLOCK_OUTCOME", outcome_of(report)},
          {"DLOCK_EXIT_CODE", std::to_string(report.exit.as_code())},
          {"DLOCK_REASON", report.reason},
          {"DLOCK_STORE_NAME", report.store},
          {"DLOCK_OWNER", report.owner.text}};
}

}  // namespace dlock
