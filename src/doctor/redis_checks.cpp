#include "doctor/redis_checks.h"

#include "doctor/cluster_checks.h"
#include "doctor/findings.h"
#include "doctor/network_checks.h"
#include "doctor/probe_lock.h"
#include "doctor/rights.h"
#include "doctor/sentinel_checks.h"
#include "doctor/server_visit.h"
#include "os/clock.h"
#include "os/wait.h"
#include "redis/deployment.h"
#include "redis/faults.h"
#include "store/redis/lock_keys.h"

#include <list>

namespace dlock::doctor {
namespace {

void append(Findings& to, Findings from) {
  for (Finding& finding : from) to.push_back(std::move(finding));
}

/// One examination of one Redis.
class RedisExamination {
 public:
  RedisExamination(const RedisAddress& address, const Examination& examination)
      : address_(address),
        examination_(examination),
        budget_(examination.terms),
        setting_{
            address, examination.store.sentinel_login,
            address.uses_tls() ? std::make_shared<redis::Tls>(examination.store.tls) : nullptr},
        access_(redis::access_to_servers(setting_)),
        servers_(redis::make_servers(setting_)) {}

  Findings run() {
    Findings findings = check_names(address_.endpoints, *setting_.addresses,
                                    examination_.terms.request_timeout(), budget_);
    const Finding connection = check_connection();
    findings.push_back(connection);
    DeploymentCheck deployment = check_deployment(connection.verdict != Verdict::Broken);
    append(findings, std::move(deployment.findings));
    if (connection.verdict != Verdict::Broken) {
      start_visits(deployment.servers);
      Findings tried = try_to_lock();  // in the time between the two bursts
      forget_token();
      end_visits(findings);
      append(findings, std::move(tried));
      findings.push_back(judge_login(address_, examination_.store.tls));
    }
    findings.push_back(judge_encryption(address_, examination_.store.tls));
    return findings;
  }

 private:
  std::string lock_name() const {
    return redis::LockKeys{examination_.store.prefix, probe_}.lock();
  }

  /// Uses the store's own way to find the server. TIME, because any user of dlock may call it, and
  /// an error that forbids it still proves the login. A proxy may not know it, or may close the
  /// connection; any proxy forwards a GET.
  Finding check_connection() {
    const std::string check = "connection";
    const std::string lock = lock_name();
    const CallDeadline deadline = budget_.deadline_for(address_.endpoints.size());
    auto answers = servers_->ask({{"TIME"}}, lock, deadline);
    if (!answers && answers.error().connection_ended)
      answers = servers_->ask({{"GET", lock}}, lock, deadline);
    if (!answers) return broken_by(answers.error(), check);
    const redis::Reply& reply = answers->replies.front();
    if (reply.is_error() && !is_refused_alone(reply.text))
      return broken_by(redis::error_reply(answers->server, reply.text), check);
    return {.check = check, .fact = answers->server + " answers"};
  }

  DeploymentCheck check_deployment(bool connected) {
    const Duration ttl = examination_.terms.ttl();
    switch (address_.deployment) {
      case Deployment::Sentinel:
        return check_sentinels(address_, redis::access_to_sentinels(setting_), ttl, budget_);
      case Deployment::Cluster:
        return check_cluster(address_, access_, ttl, budget_);
      case Deployment::Standalone:
        break;
    }
    return connected ? DeploymentCheck{address_.endpoints, {}} : DeploymentCheck{};
  }

  Findings try_to_lock() {
    auto rights = check_rights(*servers_, address_, examination_.store, probe_, budget_);
    // A server that does not answer this grants no lock either, and trying would only take more
    // time.
    if (!rights) return {broken_by(rights.error(), "probe lock")};
    const Finding lock = try_lock(examination_.store, examination_.terms, probe_, budget_);
    lock_was_granted_ = lock.verdict == Verdict::Good;
    return {*rights, lock};
  }

  void start_visits(const std::vector<Endpoint>& servers) {
    for (const Endpoint& server : servers) {
      if (budget_.spent()) break;
      visits_.emplace_back(server, access_).arrive(budget_);
    }
    not_visited_ = servers.size() - visits_.size();
    second_burst_at_ = BootClock::now() + between_bursts;
  }

  void end_visits(Findings& findings) {
    if (visits_.empty()) return;
    wait_for_any({}, second_burst_at_);
    std::vector<FindingsOf> of_servers;
    for (ServerVisit& visit : visits_) {
      // If the nodes do not report their roles, the visited servers include replicas.
      if (address_.deployment == Deployment::Cluster && visit.is_replica()) continue;
      visit.ask_time_again(budget_);
      // That name leads to the server that granted the lock: a proxy, if it does not answer the
      // queries.
      const bool granted_lock = lock_was_granted_ && visits_.size() == 1;
      of_servers.push_back(
          {visit.name(), visit.findings(examination_, address_.deployment, granted_lock)});
    }
    append(findings, merged(of_servers));
    if (not_visited_ == 0) return;
    findings.push_back({.check = "servers",
                        .verdict = Verdict::Note,
                        .fact = std::to_string(not_visited_) +
                                " masters were not checked: the others took all the time",
                        .meaning = "their state is unknown",
                        .remedy = "run it again when the servers are less busy"});
  }

  /// A run keeps the last token of its key for 30 days; the probe does not need its own.
  void forget_token() {
    const std::string token = redis::LockKeys{examination_.store.prefix, probe_}.token();
    [[maybe_unused]] const auto deleted =
        servers_->ask({{"DEL", token}}, token, budget_.deadline());
  }

  const RedisAddress& address_;
  const Examination& examination_;
  Budget budget_;
  redis::ServersSetting setting_;
  redis::Access access_;  // for the queries of the doctor itself
  std::unique_ptr<redis::Servers> servers_;
  LockKey probe_ = make_probe_key();
  bool lock_was_granted_ = false;
  std::list<ServerVisit> visits_;
  std::size_t not_visited_ = 0;  // for lack of time
  Instant second_burst_at_;
};

}  // namespace

Findings check_redis(const RedisAddress& address, const Examination& examination) {
  return RedisExamination{address, examination}.run();
}

}  // namespace dlock::doctor
