#include "doctor/server_checks.h"

#include "core/number.h"

#include <algorithm>

namespace dlock::doctor {
namespace {

std::string plural(int number, const char* singular) {
  return std::to_string(number) + " " + singular + (number == 1 ? "" : "s");
}

}  // namespace

Finding unseen(const std::string& check) {
  return {.check = check,
          .verdict = Verdict::Note,
          .fact = "cannot be seen: the server does not tell",
          .meaning = "dlock doctor cannot say whether this breaks the promise",
          .remedy = "let the user run INFO (+info), or ask whoever runs the server"};
}

Finding judge_server(const ServerInfo& info, Deployment deployment) {
  Finding finding{.check = "server"};
  const bool valkey = info.has("valkey_version");
  const std::string version = info.text(valkey ? "valkey_version" : "redis_version");
  if (version.empty()) return unseen(finding.check);
  const std::string mode = info.text(info.has("redis_mode") ? "redis_mode" : "server_mode");
  finding.fact = (valkey ? "Valkey " : "Redis ") + version + (mode.empty() ? "" : ", " + mode);

  constexpr int least_redis = 5;
  const auto major = parse_number<int>(std::string_view{version}.substr(0, version.find('.')));
  if (!valkey && major.value_or(0) < least_redis) {
    finding.verdict = Verdict::Broken;
    finding.meaning = "dlock's scripts need Redis 5";
    finding.remedy = "use Redis 5 or later, or Valkey";
  } else if (mode == "sentinel") {
    finding.verdict = Verdict::Broken;
    finding.meaning = "it watches over other servers and keeps no locks itself";
    finding.remedy = "write redis+sentinel://host:port/master";
  } else if (mode == "cluster" && deployment != Deployment::Cluster) {
    finding.verdict = Verdict::Broken;
    finding.meaning = "only some keys are kept by this node: others end with an error";
    finding.remedy = "write redis+cluster://host:port";
  } else if (mode == "standalone" && deployment == Deployment::Cluster) {
    finding.verdict = Verdict::Broken;
    finding.meaning = "it is part of no Cluster, so others would look for a lock elsewhere";
    finding.remedy = "write redis://host:port, or name nodes of the Cluster only";
  }
  return finding;
}

Finding judge_role(const ServerInfo& info) {
  const std::string role = info.text("role");
  if (role.empty()) return unseen("role");
  if (role == "master") return {.check = "role", .fact = "it is a master"};
  return {.check = "role",
          .verdict = Verdict::Broken,
          .fact = "it is a replica of " + info.text("master_host") + ":" + info.text("master_port"),
          .meaning =
              "it takes no locks; and were it writable, its master would not know of them, "
              "so that two could hold one",
          .remedy = "name the master, or the Sentinels: redis+sentinel://host,host,host/master"};
}

Finding judge_replicas(const ServerInfo& info, int least_replicas, Deployment deployment) {
  Finding finding{.check = "replicas"};
  if (!info.has("connected_slaves")) return unseen(finding.check);
  const int replicas = info.replicas_in_sync();
  const bool fails_over = deployment != Deployment::Standalone;
  finding.fact = replicas == 0 ? "none in sync" : plural(replicas, "replica") + " in sync";
  if (least_replicas > 0) {
    finding.fact += ", --min-replicas is " + std::to_string(least_replicas);
    if (least_replicas > replicas) {
      finding.verdict = Verdict::Broken;
      finding.meaning = "no lock can be had, for too few can confirm it";
      finding.remedy = "connect more replicas, or give a smaller --min-replicas";
    } else if (least_replicas == replicas) {
      finding.verdict = Verdict::Note;
      finding.meaning =
          "when one of them is lost, and after a failover, no lock can be had and the "
          "jobs that run are killed";
      finding.remedy = "one more replica than --min-replicas, if that is too strict";
    }
  } else if (replicas > 0) {
    // One less than there are, so that locks can be had after a failover, too.
    const std::string advised = std::to_string(std::max(1, replicas - 1));
    finding.fact += ", --min-replicas is 0";
    finding.verdict = fails_over ? Verdict::Weak : Verdict::Note;
    finding.meaning = std::string{fails_over ? "a failover" : "the promotion of one by hand"} +
                      " may lose a lock that was just taken; then two jobs run until the first one "
                      "finds out, which takes one renewal interval";
    finding.remedy = "--min-replicas " + advised + " for every dlock, and min-replicas-to-write " +
                     advised + " on the servers";
  } else if (fails_over) {
    finding.verdict = Verdict::Weak;
    finding.meaning =
        "nothing can take over: when it dies no lock can be had, and the jobs that run "
        "are killed";
    finding.remedy = "see why no replica is connected: INFO replication";
  }
  return finding;
}

}  // namespace dlock::doctor
