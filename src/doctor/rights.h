#pragma once

#include "core/identity.h"
#include "doctor/budget.h"
#include "doctor/findings.h"
#include "redis/servers.h"
#include "store/open.h"

#include <string>
#include <vector>

namespace dlock::doctor {

/// Asks for each command that dlock needs, on keys of the probe lock, and says which of them this
/// user may not run. The scripts alone do not tell: Redis then names the script, not the command.
/// A proxy may pass on scripts and not all of the commands, or hang up at one of them; so those are
/// tried in a script again. A fault if there was no answer to that either.
Result<Finding, StoreFault> check_rights(redis::Servers& servers, const RedisAddress& address,
                                         const StoreOptions& options, const LockKey& probe,
                                         const Budget& budget);

/// A command that was tried, by the name that an ACL has for it.
struct TriedCommand {
  std::string name;
  std::string reply;  // its error, or empty
  /// Every run needs it, or only those that wait or share a lock.
  enum class Need { Always, ToWaitOrShare } need = Need::Always;
  /// It works in a script only: a proxy is in between.
  bool in_script_only = false;
};
/// Whether an error is about the command that was asked for, and not about whoever asks or the
/// server: it is forbidden, or unknown to the server or to a proxy.
bool is_refused_alone(const std::string& error);
Finding judge_rights(const std::vector<TriedCommand>& tried, const std::string& prefix);

}  // namespace dlock::doctor
