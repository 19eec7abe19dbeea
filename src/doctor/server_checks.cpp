#include "doctor/server_checks.h"

#include "core/duration.h"
#include "core/number.h"
#include "core/time.h"

#include <algorithm>

namespace dlock::doctor {

namespace {

std::string plural(int number, const char* singular) {
  return std::to_string(number) + " " + singular + (number == 1 ? "" : "s");
}

std::string megabytes(long long bytes) {
  constexpr long long mega = 1 << 20;
  return std::to_string(bytes / mega + (bytes % mega > 0 ? 1 : 0)) + " MB";
}

}  // namespace

Finding unseen(const std::string& check) {
  return {.check = check,
          .verdict = Verdict::Note,
          .fact = "unknown: the server does not report it",
          .meaning = "dlock doctor cannot check whether this breaks the promise",
          .remedy = "let the user run INFO (+info), or ask the administrator of the server"};
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
    finding.meaning = "dlock's scripts require Redis 5";
    finding.remedy = "use Redis 5 or later, or Valkey";
  } else if (mode == "sentinel") {
    finding.verdict = Verdict::Broken;
    finding.meaning = "a Sentinel monitors other servers and stores no locks";
    finding.remedy = "write redis+sentinel://host:port/master";
  } else if (mode == "cluster" && deployment != Deployment::Cluster) {
    finding.verdict = Verdict::Broken;
    finding.meaning = "this node serves only some keys: others fail with an error";
    finding.remedy = "write redis+cluster://host:port";
  } else if (mode == "standalone" && deployment == Deployment::Cluster) {
    finding.verdict = Verdict::Broken;
    finding.meaning = "it belongs to no Cluster, so other runs would use another server";
    finding.remedy = "write redis://host:port, or list nodes of the Cluster only";
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
              "it accepts no locks; if it were writable, its master would not know them, and two "
              "runs could hold one",
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
      finding.meaning = "runs cannot acquire locks: too few replicas can confirm one";
      finding.remedy = "connect more replicas, or give a smaller --min-replicas";
    } else if (least_replicas == replicas) {
      finding.verdict = Verdict::Note;
      finding.meaning =
          "after the loss of one, or a failover, runs cannot acquire locks and running jobs are "
          "killed";
      finding.remedy = "connect one more replica than --min-replicas, if that is too strict";
    }
  } else if (replicas > 0) {
    // One less than there are, so that locks can also be acquired after a failover.
    const std::string advised = std::to_string(std::max(1, replicas - 1));
    finding.fact += ", --min-replicas is 0";
    finding.verdict = fails_over ? Verdict::Weak : Verdict::Note;
    finding.meaning = std::string{fails_over ? "a failover" : "a manual promotion"} +
                      " can lose a lock that was just acquired; then two jobs run until the next "
                      "renewal of the first";
    finding.remedy = "give --min-replicas " + advised +
                     " to every run, and set min-replicas-to-write " + advised + " on the servers";
  } else if (fails_over) {
    finding.verdict = Verdict::Weak;
    finding.meaning =
        "no replica can take over: if the master fails, runs cannot acquire locks and running jobs "
        "are killed";
    finding.remedy = "find out why no replica is connected: INFO replication";
  }
  return finding;
}

Finding judge_eviction(const ServerInfo& info) {
  const std::string policy = info.text("maxmemory_policy");
  const auto limit = info.number("maxmemory");
  if (policy.empty() || !limit) return unseen("eviction");
  Finding finding{.check = "eviction",
                  .fact = "maxmemory-policy " + policy + ", " +
                          (*limit == 0 ? "no maxmemory" : "maxmemory " + megabytes(*limit))};
  if (policy == "noeviction") return finding;
  finding.verdict = *limit == 0 ? Verdict::Weak : Verdict::Broken;
  finding.meaning = *limit == 0
                        ? "once maxmemory is set, the server can evict locks while their jobs run"
                        : "when memory is short, the server evicts locks while their jobs run, and "
                          "other runs acquire them";
  finding.remedy = "CONFIG SET maxmemory-policy noeviction, and the same in its configuration file";
  return finding;
}

Finding judge_memory(const ServerInfo& info) {
  const auto used = info.number("used_memory");
  const auto limit = info.number("maxmemory");
  if (!used || !limit) return unseen("memory");
  Finding finding{.check = "memory", .fact = megabytes(*used) + " used"};
  if (*limit == 0) return finding;
  finding.fact += " of " + megabytes(*limit);
  constexpr long long near_percent = 90;
  if (*used < *limit / 100 * near_percent) return finding;
  finding.verdict = Verdict::Weak;
  finding.meaning = "a full server grants no new lock; held locks can still be renewed";
  finding.remedy = "raise maxmemory, or free memory";
  return finding;
}

Finding judge_persistence(const ServerInfo& info, const ServerSettings& settings,
                          bool trust_restart) {
  const auto append_only = info.number("aof_enabled");
  if (!append_only) return unseen("persistence");
  Finding finding{.check = "persistence"};
  const std::string fsync = settings.append_fsync.empty() ? "unknown" : settings.append_fsync;
  if (*append_only == 1) {
    finding.fact = "append-only file, appendfsync " + fsync;
  } else if (settings.seen && settings.save.empty()) {
    finding.fact = "none";
  } else {
    finding.fact =
        settings.seen ? "snapshots only (save " + settings.save + ")" : "snapshots at most";
  }
  for (const char* status : {"aof_last_write_status", "rdb_last_bgsave_status"}) {
    const std::string outcome = info.text(status);
    if (outcome.empty() || outcome == "ok") continue;
    finding.fact += std::string{"; "} + status + " is " + outcome;
    finding.verdict = Verdict::Weak;
    finding.meaning =
        "a server that cannot save can refuse all writes (MISCONF): then runs cannot acquire "
        "locks, and running jobs are killed";
    finding.remedy = "see the server's log, and fix the disk";
    return finding;
  }
  const bool forgets_nothing = *append_only == 1 && fsync == "always";
  if (forgets_nothing || (*append_only == 1 && !trust_restart)) return finding;
  const std::string lost = *append_only == 1 ? "locks of the last second" : "locks";
  if (trust_restart) {
    finding.verdict = Verdict::Weak;
    finding.meaning = "a restart loses " + lost +
                      ": with --trust-restart other runs acquire them while their jobs still run";
    finding.remedy = "remove --trust-restart, or set appendonly yes and appendfsync always";
  } else {
    finding.verdict = Verdict::Note;
    finding.meaning = "a restart loses " + lost +
                      ": running jobs are killed, and no run acquires a lock for one TTL, so that "
                      "no two jobs run at once";
    finding.remedy = "set appendonly yes, if jobs must survive a restart of the server";
  }
  return finding;
}

Finding judge_uptime(const ServerInfo& info, Duration ttl, bool trust_restart) {
  const auto seconds = info.number("uptime_in_seconds");
  if (!seconds) return unseen("uptime");
  Duration uptime = bounded(std::chrono::seconds{*seconds});
  const Duration least = ttl + std::chrono::seconds{1};
  const bool long_ago = uptime > std::chrono::hours{1};
  if (long_ago) uptime -= uptime % std::chrono::minutes{1};
  Finding finding{.check = "uptime", .fact = "up for " + to_text(uptime)};
  if (uptime >= least || trust_restart) return finding;
  finding.verdict = Verdict::Note;
  finding.meaning =
      "it may have lost the lock of a running job, so runs wait until it has been up for " +
      to_text(least);
  finding.remedy = "wait, or give --trust-restart if the server loses nothing";
  return finding;
}

}  // namespace dlock::doctor
