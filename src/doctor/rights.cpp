#include "doctor/rights.h"

#include "redis/faults.h"
#include "store/redis/lock_keys.h"

#include <set>

namespace dlock::doctor {
namespace {

/// A NOPERM concerns the command if it contains this, else the key.
constexpr const char* about_the_command = " run ";

bool has(const std::string& error, const char* sign) { return error.find(sign) != error.npos; }

/// In the wording for a command, or for one in a script.
bool is_denied(const std::string& error) {
  return error.starts_with("NOPERM") || has(error, "ACL failure in script") ||
         has(error, "executing the script can't");
}
bool is_unknown(const std::string& error) {
  return has(error, "unknown command") || has(error, "unsupported command") ||
         has(error, "command called from");
}

/// Runs a command as a script of dlock would.
constexpr const char* in_a_script =
    "local r = redis.pcall(unpack(ARGV)) if type(r) == 'table' and r.err then return r end return "
    "1";

Finding behind_a_proxy(const std::string& which) {
  return {.check = "rights",
          .verdict = Verdict::Note,
          .fact = "a proxy is in between, " + which,
          .meaning =
              "runs can acquire locks through it; waiting for a lock, listing locks and other "
              "operations may not work",
          .remedy = "name the Redis behind it, if you need these"};
}

struct Trial {
  const char* name;
  redis::Command command;
  TriedCommand::Need need = TriedCommand::Need::Always;
  bool fits_script = true;
};

}  // namespace

bool is_refused_alone(const std::string& error) { return is_denied(error) || is_unknown(error); }

Finding judge_rights(const std::vector<TriedCommand>& tried, const std::string& prefix) {
  std::string missing;
  std::string missing_for_some;
  std::string unknown;
  bool keys_denied = false;
  std::set<std::string> seen;
  std::string in_scripts_only;
  for (const auto& [name, error, need, in_script_only] : tried) {
    if (in_script_only && error.empty() && seen.insert(name).second) in_scripts_only += " " + name;
    const bool about_command = error.find(about_the_command) != error.npos;
    if (need == TriedCommand::Need::ToWaitOrShare) {
      if (is_denied(error) && seen.insert(name).second)
        missing_for_some += about_command ? " +" + name : " &" + prefix + "wake:*";
    } else if (is_denied(error) && !about_command) {
      keys_denied = true;
    } else if ((is_denied(error) || is_unknown(error)) && seen.insert(name).second) {
      (is_denied(error) ? missing : unknown) += (is_denied(error) ? " +" : " ") + name;
    }
  }
  if (keys_denied) missing += " ~" + prefix + "*";
  Finding finding{.check = "rights", .fact = "this user can run all commands that dlock needs"};
  if (missing.empty() && unknown.empty()) {
    if (missing_for_some.empty() && in_scripts_only.empty()) return finding;
    if (missing_for_some.empty())
      return behind_a_proxy("which forwards in scripts only:" + in_scripts_only);
    finding.verdict = Verdict::Weak;
    finding.fact = "this user lacks" + missing_for_some;
    finding.meaning =
        "runs with --wait, --limit or --shared are refused, and the end of a run does not wake "
        "waiters of other users";
    finding.remedy = "ACL SETUSER <user>" + missing_for_some + "; ACL in dlock(1) lists the rights";
    return finding;
  }
  finding.verdict = Verdict::Broken;
  finding.meaning = "runs cannot acquire or renew locks";
  if (!missing.empty()) {
    finding.fact = "this user lacks" + missing;
    finding.remedy = "ACL SETUSER <user>" + missing + "; ACL in dlock(1) lists the least rights";
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
  constexpr auto always = TriedCommand::Need::Always;
  constexpr bool never = false;  // in a script
  // The key exists for a millisecond at most.
  std::vector<Trial> trials{{"get", {"GET", lock}},
                            {"get", {"GET", liveness}},
                            {"get", {"GET", token}},
                            {"set", {"SET", lock, "", "PX", "1"}},
                            {"pexpire", {"PEXPIRE", lock, "1"}},
                            {"pttl", {"PTTL", lock}},
                            {"del", {"DEL", lock}},
                            {"time", {"TIME"}},
                            {"eval", {"EVAL", "return 1", "1", lock}, always, never},
                            {"evalsha", {"EVALSHA", no_such_script, "1", lock}, always, never},
                            {"exists", {"EXISTS", lock}},
                            {"zrange", {"ZRANGE", names.queue(), "0", "0"}},
                            {"zrem", {"ZREM", names.queue(), "nobody"}}};
  constexpr auto to_wait_or_share = TriedCommand::Need::ToWaitOrShare;
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
  if (options.least_replicas > 0) trials.push_back({"wait", {"WAIT", "0", "1"}, always, never});
  if (address.deployment == Deployment::Sentinel)
    trials.push_back({"role", {"ROLE"}, always, never});
  if (address.deployment == Deployment::Cluster)
    trials.push_back({"asking", {"ASKING"}, always, never});

  std::vector<redis::Command> commands;
  for (const Trial& trial : trials) commands.push_back(trial.command);
  auto answers = servers.ask(commands, lock, budget.deadline_for(2));
  const bool hung_up = !answers && answers.error().connection_ended;
  if (!answers && !hung_up) return answers.error();
  std::vector<TriedCommand> tried;
  std::vector<std::size_t> again;
  std::vector<redis::Command> scripts;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const std::string error =
        answers && answers->replies[i].is_error() ? answers->replies[i].text : "";
    tried.push_back({trials[i].name, error, trials[i].need});
    if (!trials[i].fits_script || (!hung_up && !is_unknown(error))) continue;
    again.push_back(i);
    scripts.push_back({"EVAL", in_a_script, "1", lock});
    scripts.back().insert(scripts.back().end(), commands[i].begin(), commands[i].end());
  }
  if (again.empty()) return judge_rights(tried, options.prefix);
  auto answers_of_scripts = servers.ask(scripts, lock, budget.deadline());
  if (!answers_of_scripts) return answers_of_scripts.error();
  for (std::size_t i = 0; i < again.size(); ++i) {
    const redis::Reply& reply = answers_of_scripts->replies[i];
    TriedCommand& one = tried[again[i]];
    // If it is unknown in both ways, the error for a command is the clearer one.
    if (reply.is_error() && is_unknown(one.reply) && is_unknown(reply.text)) continue;
    one.reply = reply.is_error() ? reply.text : "";
    one.in_script_only = !hung_up;
  }
  const Finding finding = judge_rights(tried, options.prefix);
  const bool all_work = finding.verdict == Verdict::Good;
  return all_work && hung_up
             ? behind_a_proxy("which forwards scripts, and closes the connection at other commands")
             : finding;
}

}  // namespace dlock::doctor
