#include "store/local/local_store.h"

#include "core/poll.h"
#include "core/random.h"
#include "core/text.h"
#include "core/wall_clock.h"
#include "store/local/kept.h"
#include "store/local/lock_directory.h"
#include "store/lock_json.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/file.h>
#include <system_error>
#include <time.h>

namespace dlock::local {
namespace {

using namespace std::chrono_literals;

std::uint64_t microseconds_now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

StoreTime store_time() { return {static_cast<std::int64_t>(microseconds_now() / 1000)}; }

FencingToken next_token(FencingToken last) {
  return {std::max(last.value + 1, microseconds_now())};
}

std::string only_token(FencingToken token) {
  return "{\"token\":" + std::to_string(token.value) + "}";
}

std::string value_of(const Claim& claim, FencingToken token) {
  const std::string now = iso_now();
  return lock_json(claim, make_owner_hash(claim.key, claim.process, 1, claim.trace), now, now,
                   token);
}

}  // namespace

std::string LocalStore::name() const { return store_name(wanted_directory_); }

// --- acquire ---

Result<Done, StoreFault> LocalStore::find_place(const Claim& claim) {
  auto directory = ready_directory(wanted_directory_);
  if (!directory) return directory.error();
  auto path = lock_file_path(*directory, claim.key);
  if (!path) return path.error();
  if (!place_ || place_->lock != *path) place_ = std::make_unique<LockPlace>(std::move(*path));
  return Done{};
}

Result<AcquireAnswer, StoreFault> LocalStore::acquire(const Claim& claim,
                                                      const Patience& patience) {
  if (auto found = find_place(claim); !found) return found.error();
  if (auto past = done(claim)) return AcquireAnswer{std::move(*past)};
  auto answer = claim.limit.is_exclusive() ? acquire_alone(claim) : acquire_share(claim, patience);
  if (!answer || !std::holds_alternative<Held>(*answer)) return answer;
  if (!claim.waits) {
    lock_.close();
    in_the_way_.clear();
    return answer;
  }
  if (auto joined = place_->queue.join(value_of(claim, {}), patience); !joined)
    return joined.error();
  return answer;
}

/// Between our open and our lock the file may have been removed, and another have it anew under its
/// name: who holds the lock of the old one starts over.
Result<Done, StoreFault> LocalStore::open_lock() {
  if (lock_.is_open() && lock_.in_place()) return Done{};
  auto file = LockFile::open(place_->lock);
  if (!file) return file.error();
  lock_ = std::move(*file);
  return Done{};
}

Result<AcquireAnswer, StoreFault> LocalStore::acquire_alone(const Claim& claim) {
  // Somebody who shares the lock has it for a moment while he finds that he may not: then it is
  // held by nobody who could be named, and tried again.
  for (const Instant until = BootClock::now() + 100ms;;) {
    if (auto opened = open_lock(); !opened) return opened.error();
    if (lock_.try_lock(LockFile::Mode::Exclusive)) {
      if (lock_.in_place()) break;
      continue;
    }
    if (errno != EWOULDBLOCK) return cannot("lock", place_->lock, errno);
    const LockWait::For the_lock{lock_.number(), LOCK_EX};
    if (auto members = place_->holders.all(); !members.empty()) {
      Held held = refused_by(std::move(members));
      obstacle_.locks = {the_lock};
      return AcquireAnswer{std::move(held)};
    }
    if (auto holder = parse_lock_json(lock_.read()))
      return AcquireAnswer{refused_by(std::move(*holder), the_lock)};
    // A waiter who has just got it and does not say so yet.
    if (auto held = refused_by_waiter()) return AcquireAnswer{std::move(*held)};
    if (BootClock::now() >= until) return AcquireAnswer{refused_by(Holder{}, the_lock)};
    wait_for_any({}, BootClock::now() + 1ms);
  }
  auto held = refused_by_kept();
  if (!held) {
    if (auto members = place_->holders.all(); !members.empty())
      held = refused_by(std::move(members));
  }
  if (!held) held = refused_by_waiter();
  if (held) {
    lock_.unlock();
    return AcquireAnswer{std::move(*held)};
  }
  return granted(claim, nullptr);
}

Result<AcquireAnswer, StoreFault> LocalStore::acquire_share(const Claim& claim,
                                                            const Patience& patience) {
  for (;;) {
    if (auto opened = open_lock(); !opened) return opened.error();
    if (!lock_.try_lock(LockFile::Mode::Shared)) {
      if (errno != EWOULDBLOCK) return cannot("lock", place_->lock, errno);
      return AcquireAnswer{refused_by(lock_.holder(), {lock_.number(), LOCK_SH})};
    }
    if (lock_.in_place()) break;
  }
  auto turn = place_->holders.turn(patience);
  if (!turn) return turn.error();
  auto held = refused_by_kept();
  if (!held) held = refused_by_waiter();
  if (!held) {
    std::vector<Members::Member> members;
    std::vector<Limit> limits;
    for (const std::string& name : place_->holders.names()) {
      auto member = place_->holders.look_at(name);
      if (!member) {
        place_->holders.remove(name);
        continue;
      }
      limits.push_back(member->holder.limit);
      members.push_back(std::move(*member));
    }
    if (!may_enter(claim.limit, limits)) held = refused_by(std::move(members));
  }
  if (held) {
    lock_.unlock();
    return AcquireAnswer{std::move(*held)};
  }
  return granted(claim, &*turn);
}

Result<AcquireAnswer, StoreFault> LocalStore::granted(const Claim& claim,
                                                      const Members::Turn* turn) {
  // Once more, now that nobody else can end such a run.
  if (auto past = done(claim)) {
    lock_.unlock();
    return AcquireAnswer{std::move(*past)};
  }
  const FencingToken token = next_token(token_in(lock_.read()));
  const std::string value = value_of(claim, token);
  if (!lock_.overwrite(turn == nullptr ? value : only_token(token))) {
    const int error = errno;
    lock_.close();
    return cannot("write", place_->lock, error);
  }
  if (turn != nullptr) {
    auto share =
        turn->enter(std::to_string(claim.pid) + "." + std::to_string(random_number()), value);
    if (!share) {
      lock_.close();
      return share.error();
    }
    share_ = std::move(*share);
  }
  in_the_way_.clear();
  place_->queue.leave();
  wait_.reset();  // no process of ours is beside the job
  const auto holder = parse_lock_json(value);
  grant_ = Grant{holder->owner, token, holder->acquired_at, never, store_time()};
  return AcquireAnswer{grant_};
}

std::optional<AlreadyDone> LocalStore::done(const Claim& claim) const {
  if (!claim.once) return {};
  const auto file = LockFile::open_if_there(place_->past_run);
  if (!file) return {};
  auto run = parse_past_run_json(file->read());
  if (!run || !run->counts || !in_one_slot(*claim.once, run->started, store_time())) return {};
  return AlreadyDone{std::move(*run)};
}

// --- refused: by whom, and what there is to wait for ---

Held LocalStore::refused_by(Holder holder, LockWait::For lock) {
  obstacle_ = {{lock}, {}};
  return {std::move(holder), 1, {}};
}

Held LocalStore::refused_by(std::vector<Members::Member> members) {
  obstacle_ = {};
  for (const Members::Member& member : members) {
    if (!member.kept_for) {
      obstacle_.locks.push_back({member.file.number(), LOCK_SH});
    } else {
      obstacle_.ends_in = std::min(obstacle_.ends_in.value_or(*member.kept_for), *member.kept_for);
    }
  }
  Held held{members.front().holder, members.size(), {.holder_ends_in = obstacle_.ends_in}};
  in_the_way_ = std::move(members);
  return held;
}

std::optional<Held> LocalStore::refused_by_kept() {
  const std::string value = lock_.read();
  const auto left = kept_for(value);
  if (!left) return {};
  obstacle_ = {{}, left};
  auto holder = parse_lock_json(value);
  return Held{holder ? std::move(*holder) : Holder{}, 1, {.holder_ends_in = left}};
}

std::optional<Held> LocalStore::refused_by_waiter() {
  auto waiter = place_->queue.who_is_first();
  if (!waiter) return {};
  obstacle_ = {};
  return Held{std::move(*waiter), 0, {}};
}

// --- wait ---

void LocalStore::await_turn(const Claim&, const Patience& patience) {
  wait_.reset();
  Queue& queue = place_->queue;
  Instant until = patience.until;
  std::vector<LockWait::For> locks;
  if (!queue.are_first()) {
    locks = {queue.the_one_in_front()};
  } else {
    locks = obstacle_.locks;
    if (obstacle_.ends_in) until = std::min(until, BootClock::now() + *obstacle_.ends_in);
    // Somebody waited in front of us, and has left meanwhile.
    if (locks.empty() && !obstacle_.ends_in) return;
  }
  try {
    if (!locks.empty()) wait_.emplace(locks);
  } catch (const std::system_error&) {  // no process to be had: look again soon
    until = std::min(until, BootClock::now() + 100ms);
  }
  std::array<pollfd, 2> watched{
      {{patience.interrupt != nullptr ? patience.interrupt->fd() : -1, POLLIN, 0},
       {wait_ ? wait_->fd() : -1, POLLIN, 0}}};
  wait_for_any(watched, until);
  // What has got its lock already need not be seen off before we take ours.
  if (wait_ && !wait_->over()) wait_.reset();
  in_the_way_.clear();
}

void LocalStore::await_loss(const Claim&, const Grant&, const Patience& patience) {
  if (!watch_) {
    std::vector<std::string> paths{lock_.path()};
    if (share_.is_open()) paths.push_back(share_.path());
    watch_.emplace(paths);
    if (watch_->fd() >= 0) return;  // something may have happened before
  }
  std::array<pollfd, 2> watched{{{patience.interrupt->fd(), POLLIN, 0}, {watch_->fd(), POLLIN, 0}}};
  wait_for_any(watched, patience.until);
  watch_->forget_what_happened();
}

void LocalStore::leave_queue(const Claim&, const Patience&) {
  wait_.reset();
  in_the_way_.clear();
  lock_.close();
  if (place_) place_->queue.leave();
}

// --- renew and release ---

bool LocalStore::in_place() const {
  return lock_.in_place() && (!share_.is_open() || share_.in_place());
}

std::vector<int> LocalStore::witnesses() const {
  std::vector<int> numbers{lock_.number()};
  if (share_.is_open()) numbers.push_back(share_.number());
  return numbers;
}

Result<RenewAnswer, StoreFault> LocalStore::renew(const Claim&, const Grant&, const Patience&) {
  const auto holder = parse_lock_json((share_.is_open() ? share_ : lock_).read());
  if (holder && holder->forced) return RenewAnswer{lost_by_force(*holder)};
  if (in_place()) return RenewAnswer{Extended{never}};
  return RenewAnswer{
      Lost{"the lock file '" + printable(lock_.path()) + "' was removed or replaced"}};
}

Result<ReleaseAnswer, StoreFault> LocalStore::release(const Claim& claim, const Farewell& farewell,
                                                      const Patience&) {
  if (!lock_.is_open()) return ReleaseAnswer{Released{}};
  const bool ours = in_place();
  const bool shares = share_.is_open();
  // Before the lock is free: whoever takes it next must know.
  if (ours && farewell.run) {
    if (auto past = LockFile::open(place_->past_run)) past->overwrite(past_run_json(*farewell.run));
  }
  // Only the token stays: a reader must not take us for the holder still.
  const bool keep = ours && farewell.keep > Duration::zero();
  const std::string kept = keep ? kept_json(claim, grant_, BootClock::now() + farewell.keep) : "";
  if (!shares) lock_.overwrite(keep ? kept : only_token(grant_.token));
  if (shares && keep) share_.overwrite(kept);
  if (shares && !keep) share_.remove();
  // The front has the descriptors too; LOCK_UN ends the lock for all copies of them.
  if (shares) share_.unlock();
  lock_.unlock();
  share_.close();
  lock_.close();
  if (ours) return ReleaseAnswer{Released{}};
  return ReleaseAnswer{
      Lost{"the lock file '" + printable(place_->lock) + "' was removed or replaced"}};
}

}  // namespace dlock::local
