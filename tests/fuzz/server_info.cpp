// INFO of a server and SENTINEL MASTER, as dlock doctor parses and judges them.
#include "doctor/failover.h"
#include "doctor/sentinel_checks.h"
#include "doctor/server_checks.h"
#include "fuzz/property.h"

using namespace dlock;
using namespace dlock::doctor;
using namespace std::chrono_literals;

namespace {

/// A line of the input is a name and a value.
SentinelView sentinel_in(std::string_view text) {
  SentinelView view{.sentinel = "127.0.0.1:26379", .master = Endpoint{}};
  for (const std::string_view line : fuzz::lines_of(text)) {
    const auto colon = line.find(':');
    if (colon != line.npos) view.fields.emplace(line.substr(0, colon), line.substr(colon + 1));
  }
  return view;
}

Findings all_findings(std::string_view text) {
  const ServerInfo info = ServerInfo::parse(text);
  const ServerSettings settings{info.text("save"), info.text("appendfsync"), info.has("save")};
  const std::vector<SentinelView> sentinels{sentinel_in(text)};
  Findings findings{judge_role(info), judge_eviction(info), judge_memory(info),
                    judge_agreement(sentinels), judge_quorum(sentinels)};
  for (const auto deployment : {Deployment::Standalone, Deployment::Sentinel}) {
    findings.push_back(judge_server(info, deployment));
    findings.push_back(judge_replicas(info, 1, deployment));
  }
  for (const bool trusted : {false, true}) {
    findings.push_back(judge_persistence(info, settings, trusted));
    findings.push_back(judge_uptime(info, 10s, trusted));
  }
  if (const auto after = down_after(sentinels)) {
    fuzz::require(*after >= 0s, "a time of a Sentinel is valid");
    findings.push_back(judge_failover_time(sentinel_failover(*after), 10s));
  }
  return findings;
}

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  for (const Finding& finding : all_findings(fuzz::text_of(data, size))) {
    fuzz::require(!finding.fact.empty(), "a finding has a fact");
    fuzz::require((finding.verdict == Verdict::Good) == finding.meaning.empty(),
                  "only a finding that is not ok has a meaning");
    fuzz::require(finding.meaning.empty() == finding.remedy.empty(),
                  "only a finding that is not ok has a remedy");
  }
  return 0;
}
