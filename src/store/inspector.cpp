#include "store/inspector.h"

#include "os/clock.h"

namespace dlock {

Holder mark_of(const Unlocker& by, const OwnerHash& mark) {
  return {.owner = mark,
          .acquired_at = iso_now(),
          .host = by.host,
          .pid = by.pid,
          .user = by.user,
          .command = by.command};
}

}  // namespace dlock
