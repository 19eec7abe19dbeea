#include "store/local/lock_place.h"

#include "store/local/token_floor.h"

#include <unistd.h>

namespace dlock::local {
namespace {

std::string without_ending(const std::string& path) { return path.substr(0, path.rfind(".lock")); }

}  // namespace

LockPlace::LockPlace(std::string directory_of_store, std::string path)
    : directory(std::move(directory_of_store)),
      lock(std::move(path)),
      past_run(without_ending(lock) + ".done"),
      holders(without_ending(lock) + ".holders"),
      waiters(without_ending(lock) + ".queue"),
      queue(without_ending(lock) + ".queue") {}

bool LockPlace::forget(const LockFile& file, FencingToken last) const {
  // Who comes to wait from now on makes another directory, and waits for this kernel lock.
  if (!holders.dissolve() || !waiters.dissolve()) return false;
  if (!raise_token_floor(directory, last)) return false;
  file.remove();
  std::string empty = lock.substr(0, lock.rfind('/'));
  while (empty.size() > directory.size() && ::rmdir(empty.c_str()) == 0)
    empty.resize(empty.rfind('/'));
  return true;
}

}  // namespace dlock::local
