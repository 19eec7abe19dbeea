#include "store/local/local_inspector.h"

#include "core/iso_time.h"
#include "core/text.h"
#include "os/clock.h"
#include "store/local/lock_directory.h"
#include "store/local/lock_file.h"
#include "store/lock_json.h"

#include <cerrno>

namespace dlock::local {
namespace {

constexpr std::size_t most_waiters = 100;

HolderStatus status_of(Holder holder, std::optional<Duration> kept) {
  HolderStatus status{.holder = std::move(holder), .ends_in = kept};
  // The kernel lock proves the rest: a process that has the lock is alive.
  if (status.holder.forced) status.life = HolderStatus::Life::Forced;
  if (kept) status.life = HolderStatus::Life::HeldByMinHold;
  status.held_for = since(status.holder.acquired_at, wall_clock_now());
  return status;
}

Result<std::vector<HolderStatus>, StoreFault> holders_of(const LockPlace& place) {
  std::vector<HolderStatus> holders;
  const auto there = LockFile::open_if_there(place.lock);
  if (!there) return there.error();
  if (!*there) return holders;
  const LockFile& file = **there;
  if (!file.try_lock(LockFile::Mode::Shared)) {
    if (errno != EWOULDBLOCK) return cannot("lock", place.lock, errno);
    holders.push_back(status_of(file.holder(), {}));
    return holders;
  }
  // At once: the lock taken here delays runs that want to acquire it.
  file.unlock();
  const std::string value = file.read();
  if (const auto kept = min_hold_left(value)) {
    auto holder = parse_lock_json(value);
    holders.push_back(status_of(holder ? std::move(*holder) : Holder{}, kept));
    return holders;
  }
  auto members = place.holders.all(Members::Dead::Stays);
  if (!members) return members.error();
  for (Members::Member& member : *members)
    holders.push_back(status_of(std::move(member.holder), member.min_hold_left));
  return holders;
}

/// The files that contain the holders' data: one for each holder that shares the lock.
Result<std::vector<std::string>, StoreFault> files_of_holders(const LockPlace& place) {
  const auto members = place.holders.all(Members::Dead::Stays);
  if (!members) return members.error();
  std::vector<std::string> files;
  for (const Members::Member& member : *members) files.push_back(member.file.path());
  if (files.empty()) files.push_back(place.lock);
  return files;
}

/// No process keeps a lock for --min-hold: resetting the file is enough.
Result<Done, StoreFault> forget_kept(const LockFile& file) {
  if (!file.try_lock(LockFile::Mode::Exclusive)) return Done{};
  const std::string value = file.read();
  const bool forgotten = !min_hold_left(value) || file.overwrite(only_token(token_in(value)));
  const int error = errno;
  file.unlock();
  if (!forgotten) return cannot("write", file.path(), error);
  return Done{};
}

}  // namespace

std::string LocalInspector::name() const { return store_name(wanted_directory_); }

Result<LockStatus, StoreFault> LocalInspector::inspect(const LockKey& key, const CallDeadline&) {
  LockStatus lock{.key = key.bytes()};
  auto directory = directory_if_there(wanted_directory_);
  if (!directory) return directory.error();
  if (!*directory) return lock;
  const LockPlace place{**directory, lock_file_name(**directory, key)};
  auto holders = holders_of(place);
  if (!holders) return holders.error();
  lock.holders = std::move(*holders);
  auto waiters = place.waiters.all(Members::Dead::Stays);
  if (!waiters) return waiters.error();
  for (Members::Member& waiter : *waiters) {
    if (++lock.waiting <= most_waiters) lock.waiters.push_back(std::move(waiter.holder));
  }
  const auto past = LockFile::open_if_there(place.past_run);
  if (!past) return past.error();
  if (*past) lock.past_run = parse_past_run_json((*past)->read());
  return lock;
}

Result<KeysFound, StoreFault> LocalInspector::keys(const CallDeadline&) {
  auto directory = directory_if_there(wanted_directory_);
  if (!directory) return directory.error();
  if (!*directory) return KeysFound{};
  return KeysFound{keys_in(**directory), {}};
}

Result<UnlockAnswer, StoreFault> LocalInspector::unlock(const LockKey& key, const Unlocker& by,
                                                        const CallDeadline& deadline) {
  auto seen = inspect(key, deadline);
  if (!seen) return seen.error();
  if (seen->holders.empty()) return UnlockAnswer{WasFree{}};
  if (!by.by_force) return UnlockAnswer{StillHeld{std::move(*seen)}};
  auto directory = directory_if_there(wanted_directory_);
  if (!directory) return directory.error();
  const LockPlace place{**directory, lock_file_name(**directory, key)};

  std::uint32_t marks = 0;
  const auto files = files_of_holders(place);
  if (!files) return files.error();
  for (const std::string& path : *files) {
    const auto there = LockFile::open_if_there(path);
    if (!there) return there.error();
    if (!*there) continue;
    const LockFile& file = **there;
    auto holder = parse_lock_json(file.read());
    if (!holder) continue;
    if (min_hold_left(file.read())) {
      if (auto forgotten = forget_kept(file); !forgotten) return forgotten.error();
      continue;
    }
    const OwnerHash mark = make_owner_hash(key, by.process, ++marks, "");
    // The holder notices that at once, and each of its renewals does; the kernel lock stays until
    // its job has ended.
    if (!file.overwrite(forced_lock_json(mark_of(by, mark), {.holder = *holder})))
      return cannot("write", path, errno);
  }
  if (marks == 0) return UnlockAnswer{Freed{std::move(seen->holders)}};
  return UnlockAnswer{Forced{std::move(seen->holders)}};
}

}  // namespace dlock::local
