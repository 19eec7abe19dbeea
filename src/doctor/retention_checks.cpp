#include "doctor/retention_checks.h"

#include "core/bounded.h"
#include "core/duration.h"
#include "doctor/server_checks.h"

namespace dlock::doctor {
namespace {

std::string megabytes(long long bytes) {
  constexpr long long mega = 1 << 20;
  return std::to_string(bytes / mega + (bytes % mega > 0 ? 1 : 0)) + " MB";
}

}  // namespace

Finding judge_eviction(const ServerInfo& info) {
  const std::string policy = info.text("maxmemory_policy");
  const auto limit = info.number("maxmemory");
  if (policy.empty() || !limit) return unseen("eviction");
  Finding finding{.check = "eviction",
                  .fact = "maxmemory-policy " + policy + ", " +
                          (*limit == 0 ? "no maxmemory" : "maxmemory " + megabytes(*limit))};
  if (policy == "noeviction") return finding;
  finding.verdict = *limit == 0 ? Verdict::Weak : Verdict::Broken;
  finding.meaning = *limit == 0 ? "as soon as somebody sets maxmemory, the server may throw locks "
                                  "away while their jobs run"
                                : "when memory is short the server throws locks away while their "
                                  "jobs run, and others take them";
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
  finding.meaning = "a full server gives out no new lock; those that are held can be renewed";
  finding.remedy = "raise maxmemory, or free some";
  return finding;
}

Finding judge_persistence(const ServerInfo& info, const ServerSettings& settings,
                          bool trust_restart) {
  const auto append_only = info.number("aof_enabled");
  if (!append_only) return unseen("persistence");
  Finding finding{.check = "persistence"};
  const std::string fsync =
      settings.append_fsync.empty() ? "that cannot be seen" : settings.append_fsync;
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
        "a server that cannot save may refuse all writes (MISCONF): then no lock can "
        "be had, and the jobs that run are killed";
    finding.remedy = "see its log, and mend the disk";
    return finding;
  }
  const bool forgets_nothing = *append_only == 1 && fsync == "always";
  if (forgets_nothing || (*append_only == 1 && !trust_restart)) return finding;
  const std::string lost = *append_only == 1 ? "locks of the last second" : "locks";
  if (trust_restart) {
    finding.verdict = Verdict::Weak;
    finding.meaning = "after a restart, which forgets " + lost +
                      ", --trust-restart lets others take "
                      "them while their jobs still run";
    finding.remedy = "leave out --trust-restart, or set appendonly yes and appendfsync always";
  } else {
    finding.verdict = Verdict::Note;
    finding.meaning = "a restart forgets " + lost +
                      ": the jobs that run are killed, and dlock gives "
                      "out no new lock for one TTL, so that no two run at once";
    finding.remedy = "appendonly yes, if jobs are to survive a restart of the server";
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
      "it may have forgotten a holder, so whoever asks for a lock now waits until it has "
      "been up for " +
      to_text(least);
  finding.remedy = "wait; or --trust-restart, for a server that forgets nothing";
  return finding;
}

}  // namespace dlock::doctor
