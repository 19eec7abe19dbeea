#include "core/once.h"

#include "core/text.h"

namespace dlock {

std::string describe(const PastRun& run) {
  std::string text = run.host.empty() ? "an unknown host" : "host " + excerpt(run.host, 64);
  if (run.pid > 0) text += " pid " + std::to_string(run.pid);
  if (!run.user.empty()) text += " user " + excerpt(run.user, 32);
  if (!run.command.empty()) text += " (" + excerpt(run.command, 80) + ")";
  return text + " at " + excerpt(run.ended_at, 32);
}

}  // namespace dlock
