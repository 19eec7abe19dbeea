#include "doctor/rights.h"

#include "store/redis/faults.h"
#include "store/redis/lock_keys.h"

#include <set>

namespace dlock::doctor {
namespace {

/// A NOPERM is about the command if it has this in it, else about the key.
constexpr const char* about_the_command = " run ";

bool is_denied(const std::string& error) { return error.starts_with("NOPERM"); }
bool is_unknown(const std::string& error) { return error.find("unknown command") != error.npos; }

struct Trial {
  const char* name;
  redis::Command command;
  Tried::Need need = Tried::Need::Always;
};

}  // namespace

Finding judge_rights(const std::vector<Tried>& tried, const std::string& prefix) {
  std::string missing;
  std::string missing_for_some;
  std::string unknown;
  bool keys_denied = false;
  std::set<std::string> seen;
  for (const auto& [name, error, need] : tried) {
    const bool about_command = error.find(about_the_command) != error.npos;
    if (need == Tried::Need::ToWaitOrShare) {
      if (is_denied(error) && seen.insert(name).second)
        missing_for_some += about_command ? " +" + name : " &" + prefix + "wake:*";
    } else if (is_denied(error) && !about_command) {
      keys_denied = true;
    } else if ((is_denied(error) || is_unknown(error)) && seen.insert(name).second) {
      (is_denied(error) ? missing : unknown) += (is_denied(error) ? " +" : " ") + name;
    }
  }
  if (keys_denied) missing += " ~" + prefix + "*";
  Finding finding{.check = "rights", .fact = "all commands that dlock needs are allowed"};
  if (missing.empty() && unknown.empty()) {
    if (missing_for_some.empty()) return finding;
    finding.verdict = Verdict::Weak;
    finding.fact = "this user lacks" + missing_for_some;
    finding.meaning =
        "runs with --wait, --limit or --shared are refused, and those that wait for "
        "other users' runs are not called when these end";
    finding.remedy = "ACL SETUSER <user>" + missing_for_some + "; ACL in dlock(1) has the rights";
    return finding;
  }
  finding.verdict = Verdict::Broken;
  finding.meaning = "no lock can be had, or none can be kept";
  if (!missing.empty()) {
    finding.fact = "this user lacks" + missing;
    finding.remedy = "ACL SETUSER <user>" + missing + "; ACL in dlock(1) has the least rights";
  } else {
    finding.fact = "the server does not know" + unknown;
    finding.remedy = "do not rename or disable these commands (rename-command)";
  }
  return finding;
}

Result<Finding, StoreFault> check_rights(redis::Servers& servers, const RedisAddress& address,
                                         const StoreOptions& options, const LockKey& probe,
                                         const Budget& budget) {
  const redis::LockKeys names{options.prefix, probe};
  const std::string& lock = names.lock();
  const std::string liveness = names.liveness(at_home_in(options, probe, {"dlock-doctor/1.1"}));
  const std::string& token = names.token();
  const std::string no_such_script(40, '0');
  // The key is there for a millisecond at most.
  std::vector<Trial> trials{{"get", {"GET", lock}},
                            {"get", {"GET", liveness}},
                            {"get", {"GET", token}},
                            {"set", {"SET", lock, "", "PX", "1"}},
                            {"pexpire", {"PEXPIRE", lock, "1"}},
                            {"pttl", {"PTTL", lock}},
                            {"del", {"DEL", lock}},
                            {"time", {"TIME"}},
                            {"eval", {"EVAL", "return 1", "1", lock}},
                            {"evalsha", {"EVALSHA", no_such_script, "1", lock}},
                            {"exists", {"EXISTS", lock}},
                            {"zrange", {"ZRANGE", names.queue(), "0", "0"}},
                            {"zrem", {"ZREM", names.queue(), "nobody"}}};
  constexpr auto to_wait_or_share = Tried::Need::ToWaitOrShare;
  const std::string channel = names.channel({"dlock-doctor/1.1"});
  trials.insert(trials.end(),
                {{"zadd", {"ZADD", names.queue(), "XX", "0", "nobody"}, to_wait_or_share},
                 {"zrank", {"ZRANK", names.queue(), "nobody"}, to_wait_or_share},
                 {"publish", {"PUBLISH", channel, ""}, to_wait_or_share},
                 {"hset", {"HSET", names.holders(), "nobody", ""}, to_wait_or_share},
                 {"hget", {"HGET", names.holders(), "nobody"}, to_wait_or_share},
                 {"hgetall", {"HGETALL", names.holders()}, to_wait_or_share},
                 {"hlen", {"HLEN", names.holders()}, to_wait_or_share},
                 {"hdel", {"HDEL", names.holders(), "nobody"}, to_wait_or_share}});
  if (!options.trust_restart) trials.push_back({"info", {"INFO", "server"}});
  if (options.least_replicas > 0) trials.push_back({"wait", {"WAIT", "0", "1"}});
  if (address.deployment == Deployment::Sentinel) trials.push_back({"role", {"ROLE"}});
  if (address.deployment == Deployment::Cluster) trials.push_back({"asking", {"ASKING"}});

  std::vector<redis::Command> commands;
  for (const Trial& trial : trials) commands.push_back(trial.command);
  auto answers = servers.ask(commands, lock, budget.patience_for(2));
  if (!answers) return answers.error();
  std::vector<Tried> tried;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const redis::Reply& reply = answers->replies[i];
    tried.push_back({trials[i].name, reply.is_error() ? reply.text : "", trials[i].need});
  }
  return judge_rights(tried, options.prefix);
}

}  // namespace dlock::doctor
