#pragma once

#include "core/identity.h"
#include "doctor/budget.h"
#include "doctor/findings.h"
#include "redis/servers.h"
#include "store/open.h"

#include <string>
#include <vector>

namespace dlock::doctor {

/// Tries each command that dlock needs, on keys of the probe lock, and reports those that this user
/// may not run. The scripts alone are not enough: their errors name the script, not the command. A
/// proxy can forward scripts and not all of the commands, or close the connection at one of them;
/// so refused commands are tried again in a script. A fault if that had no answer either.
Result<Finding, StoreFault> check_rights(redis::Servers& servers, const RedisAddress& address,
                                         const StoreOptions& options, const LockKey& probe,
                                         const Budget& budget);

/// A command that was tried, by its name in an ACL.
struct TriedCommand {
  std::string name;
  std::string reply;  // its error, or empty
  /// Whether every run needs it, or only those that wait or share a lock.
  enum class Need { Always, ToWaitOrShare } need = Need::Always;
  /// It works in a script only: there is a proxy in between.
  bool in_script_only = false;
};
/// Whether an error concerns the command itself, not the user or the server: the command is
/// forbidden, or unknown to the server or to a proxy.
bool is_refused_alone(const std::string& error);
Finding judge_rights(const std::vector<TriedCommand>& tried, const std::string& prefix);

}  // namespace dlock::doctor
