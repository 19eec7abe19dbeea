#include "supervise/result.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace dlock::supervise {
namespace {

RunResult::Kind kind_of(const std::string& outcome, int exit_code, bool called_off) {
  using Kind = RunResult::Kind;
  if (called_off) return Kind::CalledOff;
  if (outcome == "held" || outcome == "already_done") return Kind::Skipped;
  if (outcome == "lock_lost" || outcome == "lock_unconfirmed") return Kind::Lost;
  return outcome == "job_ended" && exit_code == 0 ? Kind::Succeeded : Kind::Failed;
}

}  // namespace

RunResult parse_result(std::string_view report) {
  const auto json = nlohmann::json::parse(report, nullptr, /*allow_exceptions=*/false);
  RunResult result;
  if (!json.is_object()) return result;
  constexpr double ms = 1e-3;
  const std::string outcome = json.value("outcome", "");
  result.exit_code = json.value("exit_code", 0);
  result.kind = kind_of(outcome, result.exit_code, outcome == "interrupted");
  result.outcome = outcome;
  if (outcome == "job_ended") result.outcome = result.exit_code == 0 ? "success" : "job_failed";
  result.key = json.value("key", "");
  result.reason = json.value("reason", "");
  result.store = json.value("store", "");
  result.owner = json.value("owner", "");
  result.waited = json.value("waited_ms", 0.0) * ms;
  result.held_it = json.contains("held_ms");
  result.held = json.value("held_ms", 0.0) * ms;
  if (const auto renewals = json.find("renewals"); renewals != json.end()) {
    result.renewals = renewals->value("count", 0L);
    result.renewal_mean = renewals->value("mean_ms", 0.0) * ms;
    result.renewal_max = renewals->value("max_ms", 0.0) * ms;
  }
  return result;
}

std::string RunResult::summary() const {
  std::string text = outcome;
  std::replace(text.begin(), text.end(), '_', ' ');
  if (!reason.empty()) return text + ": " + reason;
  return kind == Kind::Failed ? text + ": exit code " + std::to_string(exit_code) : text;
}

std::vector<std::pair<std::string, std::string>> RunResult::environment() const {
  return {{"DLOCK_KEY", key},
          {"DLOCK_OUTCOME", outcome},
          {"DLOCK_EXIT_CODE", std::to_string(exit_code)},
          {"DLOCK_REASON", reason},
          {"DLOCK_STORE_NAME", store},
          {"DLOCK_OWNER", owner}};
}

}  // namespace dlock::supervise
