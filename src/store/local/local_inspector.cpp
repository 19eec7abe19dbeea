#include "store/local/local_inspector.h"

#include "core/text.h"
#include "core/wall_clock.h"
#include "store/local/kept.h"
#include "store/local/lock_directory.h"
#include "store/local/lock_file.h"
#include "store/lock_json.h"

#include <algorithm>
#include <cerrno>

namespace dlock::local {
namespace {

constexpr std::size_t most_waiters = 100;

HolderStatus status_of(Holder holder, std::optional<Duration> kept) {
  HolderStatus status{.holder = std::move(holder), .ends_in = kept};
  // The kernel vouches for the rest: who has the lock lives.
  if (status.holder.forced) status.life = HolderStatus::Life::Forced;
  if (kept) status.life = HolderStatus::Life::OnlyKept;
  if (const auto since = parse_iso(status.holder.acquired_at)) {
    status.held_for =
        std::chrono::milliseconds{std::max<std::int64_t>(0, wall_clock_now().ms - since->ms)};
  }
  return status;
}

std::vector<HolderStatus> holders_of(const LockPlace& place) {
  const auto file = LockFile::open_if_there(place.lock);
  if (!file) return {};
  if (!file->try_lock(LockFile::Mode::Shared)) return {status_of(file->holder(), {})};
  const std::string value = file->read();
  file->unlock();
  if (const auto kept = kept_for(value)) {
    auto holder = parse_lock_json(value);
    return {status_of(holder ? std::move(*holder) : Holder{}, kept)};
  }
  std::vector<HolderStatus> holders;
  for (Members::Member& member : place.holders.all())
    holders.push_back(status_of(std::move(member.holder), member.kept_for));
  return holders;
}

/// Of the file that has the holder's data, for those who hold the lock together each its own.
std::vector<std::string> files_of_holders(const LockPlace& place) {
  std::vector<std::string> files;
  for (const Members::Member& member : place.holders.all()) files.push_back(member.file.path());
  if (files.empty()) files.push_back(place.lock);
  return files;
}

/// What --min-hold keeps is kept by nobody: to forget it is enough.
void forget_kept(const std::string& path) {
  const auto file = LockFile::open_if_there(path);
  if (!file || !file->try_lock(LockFile::Mode::Exclusive)) return;
  const std::string value = file->read();
  if (kept_for(value)) file->overwrite("{\"token\":" + std::to_string(token_in(value).value) + "}");
  file->unlock();
}

}  // namespace

std::string LocalInspector::name() const { return store_name(wanted_directory_); }

Result<LockStatus, StoreFault> LocalInspector::look_at(const LockKey& key, const Patience&) {
  LockStatus lock{.key = key.bytes()};
  auto directory = directory_if_there(wanted_directory_);
  if (!directory) return directory.error();
  if (!*directory) return lock;
  const LockPlace place{lock_file_name(**directory, key)};
  lock.holders = holders_of(place);
  for (Members::Member& waiter : place.waiters.all()) {
    if (++lock.waiting <= most_waiters) lock.waiters.push_back(std::move(waiter.holder));
  }
  if (const auto past = LockFile::open_if_there(place.past_run))
    lock.past_run = parse_past_run_json(past->read());
  return lock;
}

Result<std::vector<std::string>, StoreFault> LocalInspector::keys(const Patience&) {
  auto directory = directory_if_there(wanted_directory_);
  if (!directory) return directory.error();
  if (!*directory) return std::vector<std::string>{};
  return keys_in(**directory);
}

Result<UnlockAnswer, StoreFault> LocalInspector::unlock(const LockKey& key, const Unlocker& by,
                                                        const Patience& patience) {
  auto seen = look_at(key, patience);
  if (!seen) return seen.error();
  if (seen->holders.empty()) return UnlockAnswer{WasFree{}};
  if (!by.by_force) return UnlockAnswer{StillHeld{std::move(*seen)}};
  auto directory = directory_if_there(wanted_directory_);
  if (!directory) return directory.error();
  const LockPlace place{lock_file_name(**directory, key)};

  std::vector<OwnerHash> marks;
  std::uint32_t number = 0;
  for (const std::string& path : files_of_holders(place)) {
    const auto file = LockFile::open_if_there(path);
    if (!file) continue;
    auto holder = parse_lock_json(file->read());
    if (!holder) continue;
    if (kept_for(file->read())) {
      forget_kept(path);
      continue;
    }
    marks.push_back(make_owner_hash(key, by.process, ++number, ""));
    // Its holder notices that, and so does each renewal; the kernel lock stays until its job is
    // gone.
    if (!file->overwrite(forced_lock_json(mark_of(by, marks.back()), {.holder = *holder})))
      return cannot("write", path, errno);
  }
  if (marks.empty()) return UnlockAnswer{Freed{std::move(seen->holders)}};
  return UnlockAnswer{Forced{std::move(seen->holders), std::move(marks)}};
}

}  // namespace dlock::local
