#include "store/local/local_store.h"

#include "core/text.h"
#include "os/clock.h"
#include "os/self.h"
#include "os/wait.h"
#include "store/local/clocks.h"
#include "store/local/lock_directory.h"
#include "store/local/lock_file.h"
#include "store/local/lock_place.h"
#include "store/local/sweep.h"
#include "store/lock_json.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/file.h>

namespace dlock::local {
namespace {

using namespace std::chrono_literals;

FencingToken next_token(FencingToken last) {
  return {std::max(last.value + 1, microseconds_now())};
}

OwnerHash owner_of(const Claim& claim) {
  return make_owner_hash(claim.key, claim.process, 1, claim.trace);
}

}  // namespace

std::string LocalStore::name() const { return store_name(wanted_directory_); }

// --- acquire ---

Result<Done, StoreFault> LocalStore::find_place(const Claim& claim) {
  auto directory = ready_directory(wanted_directory_, unsure_);
  if (!directory) return directory.error();
  auto path = lock_file_path(*directory, claim.key);
  if (!path) return path.error();
  if (!place_ || place_->lock != *path)
    place_ = std::make_unique<LockPlace>(*directory, std::move(*path));
  return Done{};
}

Result<AcquireAnswer, StoreFault> LocalStore::acquire(const Claim& claim,
                                                      const CallDeadline& deadline) {
  auto answer = try_to_take(claim, deadline);
  if (answer && std::holds_alternative<Grant>(*answer)) return answer;
  // Kept until the next attempt, it would block the run whose turn it is.
  lock_.unlock();
  if (!claim.waits || !answer || !std::holds_alternative<Held>(*answer)) {
    lock_.close();
    return answer;
  }
  const std::string now = iso_now();
  const std::string value = lock_json(claim, owner_of(claim), now, now, FencingToken{});
  if (auto joined = place_->queue.join(value, deadline); !joined) return joined.error();
  return answer;
}

Result<AcquireAnswer, StoreFault> LocalStore::try_to_take(const Claim& claim,
                                                          const CallDeadline& deadline) {
  if (auto found = find_place(claim); !found) return found.error();
  auto past = done(claim);
  if (!past) return past.error();
  if (*past) return AcquireAnswer{std::move(**past)};
  return claim.limit.is_exclusive() ? acquire_alone(claim) : acquire_share(claim, deadline);
}

/// Between the open and the lock another run may have removed the file and created a new one under
/// its name: a run that has locked the old file starts over.
Result<Done, StoreFault> LocalStore::open_lock() {
  if (lock_.is_open() && lock_.in_place()) return Done{};
  auto file = LockFile::open(place_->lock);
  if (!file) return file.error();
  lock_ = std::move(*file);
  return Done{};
}

Result<AcquireAnswer, StoreFault> LocalStore::acquire_alone(const Claim& claim) {
  // A run with a shared claim takes the lock for a moment before it finds that it must not. In that
  // moment the lock has no holder to report, so this run retries.
  for (const Instant until = BootClock::now() + 100ms;;) {
    if (auto opened = open_lock(); !opened) return opened.error();
    if (lock_.try_lock(LockFile::Mode::Exclusive)) {
      if (lock_.in_place()) break;
      continue;
    }
    if (errno != EWOULDBLOCK) return cannot("lock", place_->lock, errno);
    const LockWait::For the_lock{lock_.number(), LOCK_EX};
    auto members = place_->holders.all(Members::Dead::Stays);
    if (!members) return members.error();
    if (!members->empty()) {
      Held held = refused_by(*members);
      obstacle_ = {{the_lock}, {}, {}};
      return AcquireAnswer{std::move(held)};
    }
    // If a shared lock succeeds, the lock has no exclusive holder: another run is only checking it,
    // and the data in the file may be of a dead holder.
    const bool only_looked_at = lock_.try_lock(LockFile::Mode::Shared);
    lock_.unlock();
    if (auto holder = parse_lock_json(lock_.read()); holder && !only_looked_at)
      return AcquireAnswer{refused_by(std::move(*holder), the_lock)};
    // A waiter that has just acquired the lock and has not written its data yet.
    auto waiter = refused_by_waiter();
    if (!waiter) return waiter.error();
    if (*waiter) return AcquireAnswer{std::move(**waiter)};
    if (BootClock::now() >= until) return AcquireAnswer{refused_by(Holder{}, the_lock)};
    wait_for_any({}, BootClock::now() + 1ms);
  }
  if (auto kept = refused_by_kept()) return AcquireAnswer{std::move(*kept)};
  auto members = place_->holders.all(Members::Dead::Goes);
  if (!members) return members.error();
  if (!members->empty()) return AcquireAnswer{refused_by(*members)};
  auto waiter = refused_by_waiter();
  if (!waiter) return waiter.error();
  if (*waiter) return AcquireAnswer{std::move(**waiter)};
  return granted(claim, nullptr);
}

Result<AcquireAnswer, StoreFault> LocalStore::acquire_share(const Claim& claim,
                                                            const CallDeadline& deadline) {
  // A run with an exclusive claim takes the lock for an instant before it finds that it must not,
  // and the data in the file may be of a dead holder: so this run retries for longer than that.
  for (const Instant until = BootClock::now() + 5ms;;) {
    if (auto opened = open_lock(); !opened) return opened.error();
    if (lock_.try_lock(LockFile::Mode::Shared)) {
      if (lock_.in_place()) break;
      continue;
    }
    if (errno != EWOULDBLOCK) return cannot("lock", place_->lock, errno);
    if (BootClock::now() >= until)
      return AcquireAnswer{refused_by(lock_.holder(), {lock_.number(), LOCK_SH})};
    wait_for_any({}, BootClock::now() + 1ms);
  }
  auto turn = place_->holders.turn(deadline);
  if (!turn) return turn.error();
  if (auto kept = refused_by_kept()) return AcquireAnswer{std::move(*kept)};
  auto waiter = refused_by_waiter();
  if (!waiter) return waiter.error();
  if (*waiter) return AcquireAnswer{std::move(**waiter)};
  auto members = place_->holders.all(Members::Dead::Goes);
  if (!members) return members.error();
  std::vector<Limit> limits;
  for (const Members::Member& member : *members) limits.push_back(member.holder.limit);
  if (!may_enter(claim.limit, limits)) return AcquireAnswer{refused_by(*members)};
  return granted(claim, &*turn);
}

Result<AcquireAnswer, StoreFault> LocalStore::granted(const Claim& claim,
                                                      const Members::Turn* turn) {
  // Again, now that no other run can complete.
  auto past = done(claim);
  if (!past) return past.error();
  if (*past) return AcquireAnswer{std::move(**past)};
  // Reserve the space now: a full disk must prevent a run, not lose its record.
  if (claim.once) {
    constexpr std::size_t of_a_past_run = 4096;
    const auto file = LockFile::open(place_->past_run);
    if (!file) return file.error();
    if (!file->reserve(of_a_past_run)) return cannot("write", file->path(), errno);
  }
  FencingToken last = token_in(lock_.read());
  if (last == FencingToken{}) {
    const auto floor = token_floor_of(place_->directory);
    if (!floor) return floor.error();
    last = *floor;
  }
  const FencingToken token = next_token(last);
  const OwnerHash owner = owner_of(claim);
  const std::string now = iso_now();
  const std::string value = lock_json(claim, owner, now, now, token);
  if (!lock_.overwrite(turn == nullptr ? value : only_token(token)))
    return cannot("write", place_->lock, errno);
  if (turn != nullptr) {
    auto share =
        turn->enter(std::to_string(claim.pid) + "." + std::to_string(random_number()), value);
    if (!share) return share.error();
    share_ = std::move(*share);
  }
  place_->queue.leave();
  wait_.reset();  // no helper process may exist beside the job
  grant_ = Grant{owner, token, now, never, store_time()};
  return AcquireAnswer{grant_};
}

Result<std::optional<AlreadyDone>, StoreFault> LocalStore::done(const Claim& claim) const {
  const std::optional<AlreadyDone> not_yet;
  if (!claim.once) return not_yet;
  const auto file = LockFile::open_if_there(place_->past_run);
  if (!file) return file.error();
  if (!*file) return not_yet;
  auto run = parse_past_run_json((*file)->read());
  if (!run || !run->counts || !in_one_slot(*claim.once, run->started, store_time())) return not_yet;
  return std::optional{AlreadyDone{std::move(*run)}};
}

Result<Done, StoreFault> LocalStore::remember(const Claim& claim, PastRun run) const {
  if (claim.once) run.forget_at.ms = store_time().ms + whole_ms(past_run_life(*claim.once));
  const auto file = LockFile::open(place_->past_run);
  if (!file) return file.error();
  if (!file->overwrite(past_run_json(run))) return cannot("write", file->path(), errno);
  return Done{};
}

// --- refused: by whom, and what there is to wait for ---

Held LocalStore::refused_by(Holder holder, LockWait::For lock) {
  obstacle_ = {{lock}, {}, {}};
  return {std::move(holder), 1, {}};
}

Held LocalStore::refused_by(const std::vector<Members::Member>& members) {
  obstacle_ = {};
  for (const Members::Member& member : members) {
    if (!member.min_hold_left) {
      obstacle_.files.push_back(member.file.path());
    } else {
      obstacle_.ends_in =
          std::min(obstacle_.ends_in.value_or(*member.min_hold_left), *member.min_hold_left);
    }
  }
  return {members.front().holder, members.size(), {.holder_ends_in = obstacle_.ends_in}};
}

std::optional<Held> LocalStore::refused_by_kept() {
  const std::string value = lock_.read();
  const auto left = min_hold_left(value);
  if (!left) return {};
  obstacle_ = {{}, {}, left};
  auto holder = parse_lock_json(value);
  return Held{holder ? std::move(*holder) : Holder{}, 1, {.holder_ends_in = left}};
}

Result<std::optional<Held>, StoreFault> LocalStore::refused_by_waiter() {
  auto waiter = place_->queue.who_is_first();
  if (!waiter) return waiter.error();
  if (!*waiter) return std::optional<Held>{};
  obstacle_ = {};
  return std::optional{Held{std::move(**waiter), 0, {}}};
}

// --- wait ---

void LocalStore::await_turn(const Claim&, const CallDeadline& deadline) {
  wait_.reset();
  Queue& queue = place_->queue;
  Instant until = deadline.until;
  // Without a descriptor or a process to wait in the kernel, poll instead.
  const auto look_again_soon = [&until] { until = std::min(until, BootClock::now() + 100ms); };
  std::vector<LockWait::For> locks;
  std::vector<LockFile> files;
  if (const auto first = queue.are_first(); !first) {
    look_again_soon();
  } else if (!*first) {
    locks = {queue.the_one_in_front()};
  } else {
    locks = obstacle_.locks;
    for (const std::string& path : obstacle_.files) {
      auto file = LockFile::open_if_there(path);
      if (!file) {
        look_again_soon();
        break;
      }
      if (!*file) return;  // has left meanwhile
      locks.push_back({(*file)->number(), LOCK_SH});
      files.push_back(std::move(**file));
    }
    // A lock kept by --min-hold has no process whose end could be awaited, and a forced unlock can
    // free it earlier.
    if (obstacle_.ends_in) {
      until = std::min(until, BootClock::now() + std::min<Duration>(*obstacle_.ends_in, 500ms));
    }
    // The waiter ahead has left meanwhile.
    if (locks.empty() && obstacle_.files.empty() && !obstacle_.ends_in) return;
  }
  if (!locks.empty()) {
    wait_ = LockWait::start(locks);
    if (wait_ == nullptr) look_again_soon();
  }
  wait(wait_ ? wait_->fd() : -1, POLLIN, {until, deadline.cancellation});
  // A child that already has its lock need not be reaped before this run takes the lock.
  if (wait_ && !wait_->over()) wait_.reset();
}

void LocalStore::await_loss(const Claim&, const Grant&, const CallDeadline& deadline) {
  if (!watch_) {
    std::vector<std::string> paths{lock_.path()};
    if (share_.is_open()) paths.push_back(share_.path());
    watch_.emplace(paths);
    if (watch_->fd() >= 0) return;  // an event may have been missed before the watch existed
  }
  wait(watch_->fd(), POLLIN, deadline);
  watch_->forget_what_happened();
}

void LocalStore::leave_queue(const Claim&, const CallDeadline&) {
  wait_.reset();
  lock_.close();
  if (place_) place_->queue.leave();
}

// --- renew and release ---

/// The tombstone in place of this run, if any. It has the process hash of the holder that the
/// unlock saw: another one, if that holder left and this run came just before the tombstone was
/// written.
std::optional<Holder> LocalStore::mark_of_force() const {
  auto holder = parse_lock_json(our_file().read());
  if (!holder || !holder->forced) return {};
  return holder;
}

bool LocalStore::in_place() const {
  return lock_.in_place() && (!share_.is_open() || share_.in_place());
}

std::vector<int> LocalStore::lock_descriptors() const {
  std::vector<int> numbers{lock_.number()};
  if (share_.is_open()) numbers.push_back(share_.number());
  return numbers;
}

/// A lock that is not held can belong to another run by now, and a file without the data of this
/// run was already released.
bool LocalStore::take_over(const Claim& claim, std::vector<Fd> descriptors) {
  const bool shares = !claim.limit.is_exclusive();
  if (descriptors.size() != (shares ? 2U : 1U) || !find_place(claim)) return false;
  lock_ = LockFile::inherited(place_->lock, std::move(descriptors.front()));
  if (shares) share_ = place_->holders.inherited(std::move(descriptors.back()));
  using Mode = LockFile::Mode;
  const bool held =
      shares ? lock_.try_lock(Mode::Shared) && share_.is_open() && share_.try_lock(Mode::Exclusive)
             : lock_.try_lock(Mode::Exclusive);
  const std::string value = held ? our_file().read() : "";
  const auto holder = parse_lock_json(value);
  if (!holder || holder->process != claim.process || holder->held_by_min_hold) {
    share_.close();
    lock_.close();
    return false;
  }
  grant_ = Grant{holder->owner, holder->token, holder->acquired_at, never, {}};
  return true;
}

Result<RenewAnswer, StoreFault> LocalStore::renew(const Claim& claim, const Grant& grant,
                                                  const CallDeadline&) {
  if (const auto mark = mark_of_force()) {
    if (mark->process == claim.process) return RenewAnswer{lost_by_force(*mark)};
    if (!our_file().overwrite(
            lock_json(claim, grant.owner, grant.acquired_at, grant.acquired_at, grant.token)))
      return cannot("write", our_file().path(), errno);
  }
  if (in_place()) return RenewAnswer{Extended{never}};
  return RenewAnswer{
      Lost{"the lock file '" + printable(lock_.path()) + "' was removed or replaced"}};
}

Result<ReleaseAnswer, StoreFault> LocalStore::release(const Claim& claim,
                                                      const ReleaseOptions& options,
                                                      const CallDeadline&) {
  if (!lock_.is_open()) return ReleaseAnswer{Released{}};
  const bool ours = in_place();
  const bool shares = share_.is_open();
  // Before the lock is free: the next holder must see the record.
  Result<Done, StoreFault> written = Done{};
  if (ours && options.run) written = remember(claim, *options.run);
  // Only the token stays: a reader must no longer take this run for the holder. A forced unlock can
  // happen while the job ends: then --min-hold keeps nothing either.
  const auto mark = mark_of_force();
  const bool freed = mark && mark->process == claim.process;
  const bool keep = ours && options.keep > Duration::zero() && !freed;
  const std::string rest =
      keep ? min_hold_json(claim, grant_, machine_now() + options.keep) : only_token(grant_.token);
  if (shares && !keep) {
    share_.remove();
  } else if (const bool forgotten = ours && !keep && place_->forget(lock_, grant_.token);
             !forgotten && !our_file().overwrite(rest) && written) {
    written = cannot("write", our_file().path(), errno);
  }
  // The lock ends with this process in any case.
  if (!written) return written.error();
  // The front has the descriptors too; LOCK_UN ends the lock for all copies of them.
  if (shares) share_.unlock();
  // The last holder removes the lock file.
  if (shares && ours && lock_.try_lock(LockFile::Mode::Exclusive) && lock_.in_place())
    place_->forget(lock_, token_in(lock_.read()));
  lock_.unlock();
  share_.close();
  lock_.close();
  sweep(place_->directory);
  if (ours) return ReleaseAnswer{Released{}};
  return ReleaseAnswer{
      Lost{"the lock file '" + printable(place_->lock) + "' was removed or replaced"}};
}

}  // namespace dlock::local
