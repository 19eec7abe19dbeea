#include "doctor/server_visit.h"

#include "core/text.h"
#include "doctor/probe_lock.h"
#include "os/clock.h"
#include "redis/servers.h"

namespace dlock::doctor {

void ServerVisit::arrive(const Budget& budget) {
  auto answers = redis::ask(connection_,
                            {{"INFO"}, {"CONFIG", "GET", "save"}, {"CONFIG", "GET", "appendfsync"}},
                            budget.deadline());
  if (!answers) {
    fault_ = std::move(answers.error());
    return;
  }
  const redis::Reply& info = answers->replies[0];
  if (info.is_error()) refusal_ = excerpt(info.text, 120);
  if (!info.is_error()) info_ = ServerInfo::parse(info.text);
  // Most users may not read the configuration, and need not.
  const redis::Reply& save = answers->replies[1];
  const redis::Reply& fsync = answers->replies[2];
  settings_ = {std::string{save.text_at(1)}, std::string{fsync.text_at(1)},
               save.type == redis::Reply::Type::Array && save.items.size() == 2};
  ask_time(timing_.first, budget);
}

void ServerVisit::ask_time(std::vector<TimeSample>& burst, const Budget& budget) {
  constexpr Duration longest_burst = std::chrono::milliseconds{700};
  const Instant ends = BootClock::now() + longest_burst;
  for (int i = 0; i < burst_size && !fault_ && BootClock::now() < ends; ++i) {
    auto answers = redis::ask(connection_, {{"TIME"}}, budget.deadline());
    const Instant received_at = BootClock::now();
    if (!answers) {
      // A server that does not answer now would not answer the other requests either. If the budget
      // is spent, the server is not to blame.
      if (!budget.spent()) ++timing_.failed;
      return;
    }
    const redis::Reply& time = answers->replies.front();
    if (time.is_error()) {
      timing_.refusal = excerpt(time.text, 120);
      return;
    }
    if (time.items.size() == 2)
      burst.push_back(
          {answers->sent_at, received_at, time_of_day(time.text_at(0), time.text_at(1))});
  }
}

Finding ServerVisit::without_info() const {
  return {.check = "server",
          .verdict = Verdict::Note,
          .fact = "INFO is refused: " + refusal_,
          .meaning = "role, replicas, eviction, memory, persistence and uptime are unknown",
          .remedy = "let the user run INFO (+info)"};
}

Findings ServerVisit::findings(const Examination& examination, Deployment deployment,
                               bool granted_lock) const {
  if (fault_ && granted_lock) {
    return {{.check = "server",
             .verdict = Verdict::Note,
             .fact = "it grants locks, but closes the connection or does not answer INFO",
             .meaning = "role, replicas, eviction, memory, persistence and uptime are unknown",
             .remedy = "give dlock doctor the server itself, if a proxy is in between"}};
  }
  if (fault_) return {broken_by(*fault_, "server")};
  const StoreOptions& store = examination.store;
  const LeaseTerms& terms = examination.terms;
  Findings findings;
  if (info_.empty()) {
    findings.push_back(without_info());
  } else {
    findings = {judge_server(info_, deployment),
                judge_role(info_),
                judge_replicas(info_, store.least_replicas, deployment),
                judge_eviction(info_),
                judge_memory(info_),
                judge_persistence(info_, settings_, store.trust_restart),
                judge_uptime(info_, terms.ttl(), store.trust_restart)};
  }
  findings.push_back(judge_latency(timing_, terms.request_timeout()));
  findings.push_back(judge_clock_rate(rate_difference(timing_)));
  return findings;
}

}  // namespace dlock::doctor
