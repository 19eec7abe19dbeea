#include "store/store.h"

namespace dlock {

std::string describe(const Held& held) {
  const std::string who = describe(held.holder);
  if (held.holders == 0) return "about to be taken by " + who + ", who waits for it";
  if (held.holders == 1) return "held by " + who;
  return "held by " + std::to_string(held.holders) + ", one of them " + who;
}

}  // namespace dlock
