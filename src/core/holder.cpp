#include "core/holder.h"

#include "core/text.h"

#include <algorithm>

namespace dlock {

bool may_enter(Limit newcomer, const std::vector<Limit>& holders) {
  std::uint32_t most = newcomer.most;
  for (const Limit& holder : holders) most = std::min(most, holder.most);
  return holders.size() < most;
}

namespace {

std::string who(const Holder& holder) {
  // A peer that writes no host and pid fields has them in its process hash.
  std::string text =
      holder.host.empty() ? excerpt(holder.process.text, 100) : "host " + excerpt(holder.host, 64);
  if (text.empty()) text = "an unknown holder";
  if (holder.pid > 0) text += " pid " + std::to_string(holder.pid);
  if (!holder.user.empty()) text += " user " + excerpt(holder.user, 32);
  if (!holder.command.empty()) text += " (" + excerpt(holder.command, 80) + ")";
  if (!holder.acquired_at.empty()) text += " since " + excerpt(holder.acquired_at, 32);
  if (!holder.note.empty()) text += ", note: " + excerpt(holder.note, 120);
  if (!holder.trace.empty()) text += ", trace: " + excerpt(holder.trace, 80);
  return text;
}

}  // namespace

std::string describe(const Holder& holder) {
  if (holder.forced) {
    return who(holder) + ", by force; it stays locked until the previous holder's job is gone";
  }
  return who(holder) +
         (holder.held_by_min_hold ? "; its job has ended, and --min-hold keeps the lock" : "");
}

}  // namespace dlock
