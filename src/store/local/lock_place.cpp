#include "store/local/lock_place.h"

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

}  // namespace dlock::local
