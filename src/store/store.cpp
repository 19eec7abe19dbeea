#include "store/store.h"

#include "core/text.h"

#include <utility>

namespace dlock {

std::string describe(const Held& held) {
  const std::string who = describe(held.holder);
  if (held.holders == 0) return "reserved for the first waiter, " + who;
  if (held.holders == 1) return "held by " + who;
  return "held by " + std::to_string(held.holders) + " holders, one of them " + who;
}

Lost lost_by_force(const Holder& by) {
  Holder who = by;
  who.forced = false;
  const std::string at = std::exchange(who.acquired_at, {});
  return {"it was freed by force by " + describe(who) + " at " + printable(at), by, true};
}

}  // namespace dlock
