#include "core/limit.h"

#include <algorithm>

namespace dlock {

bool may_enter(Limit newcomer, const std::vector<Limit>& holders) {
  std::uint32_t most = newcomer.most;
  for (const Limit& holder : holders) most = std::min(most, holder.most);
  return holders.size() < most;
}

}  // namespace dlock
