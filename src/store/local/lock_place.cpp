#include "store/local/lock_place.h"

#include "store/local/token_floor.h"

namespace dlock::local {
namespace {

std::string without_ending(const std::string& path) { return path.substr(0, path.rfind(".lock")); }

}  // namespace

LockPlace::LockPlace(std::string path)
    : lock(std::move(path)),
      past_run(without_ending(lock) + ".done"),
      holders(without_ending(lock) + ".holders"),
      waiters(without_ending(lock) + ".queue"),
      queue(without_ending(lock) + ".queue") {}

bool LockPlace::forget(const LockFile& file, FencingToken last) const {
  // Who comes to wait from now on makes another directory, and waits for this kernel lock.
  if (!holders.dissolve() || !waiters.dissolve()) return false;
  if (!raise_token_floor(directory(), last)) return false;
  file.remove();
  return true;
}

}  // namespace dlock::local
