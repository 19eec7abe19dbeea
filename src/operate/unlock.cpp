#include "operate/unlock.h"

#include "core/ending.h"
#include "core/text.h"
#include "operate/status_text.h"
#include "os/clock.h"
#include "os/self.h"
#include "os/wait.h"

#include <algorithm>

namespace dlock::operate {
namespace {

using namespace std::chrono_literals;
using Life = HolderStatus::Life;

/// Returns `host web1 ...` for one holder, or the number of holders and the first one.
std::string described(const std::vector<HolderStatus>& holders) {
  if (holders.empty()) return "an unknown holder";
  Holder one = holders.front().holder;
  one.held_by_min_hold = false;  // another message contains it
  const std::string first = describe(one);
  return holders.size() == 1 ? first
                             : std::to_string(holders.size()) + " holders, one of them " + first;
}

/// Returns `one` or `several`, the continuation of a sentence about the job of one holder or the
/// jobs of several.
const char* of_number(const std::vector<HolderStatus>& holders, const char* one,
                      const char* several) {
  return holders.size() == 1 ? one : several;
}

/// Tells the user where to check whether the jobs are gone.
std::string where_to_check(const std::vector<HolderStatus>& holders) {
  if (holders.size() != 1) return "check on their hosts whether they and their jobs are gone";
  const Holder& holder = holders.front().holder;
  return "check on host " + host_of(holder) + " whether " +
         (holder.pid > 0 ? "pid " + std::to_string(holder.pid) + " and its job are"
                         : "its job is") +
         " gone";
}

class Unlock {
 public:
  Unlock(Inspector& inspector, const Unlocking& how, Log& log)
      : inspector_(inspector),
        how_(how),
        log_(log, how.key.bytes()),
        lock_(about(how.key.bytes()) + ": the lock ") {}

  Result<Unlocked, StoreFault> run() {
    if (how_.by.by_force && how_.ask) {
      auto lock = inspector_.inspect(how_.key, deadline());
      if (!lock) return lock.error();
      if (lock->state() == LockStatus::State::Held && !how_.ask(question(*lock)))
        return Unlocked{lock_ + "is left to " + described(lock->holders), held};
    }
    auto answer = inspector_.unlock(how_.key, how_.by, deadline());
    if (!answer) return answer.error();
    return std::visit([this](const auto& what) { return on(what); }, *answer);
  }

 private:
  static constexpr int held = static_cast<int>(ExitCode::SomeoneElseHoldsLock);
  static constexpr int not_confirmed = static_cast<int>(ExitCode::LockUnconfirmed);

  CallDeadline deadline() const { return {BootClock::now() + how_.timeout, nullptr}; }

  std::string question(const LockStatus& lock) const {
    return lock_ + "is held by " + described(lock.holders) + ". Take it? " +
           of_number(lock.holders, "The job is", "Their jobs are") + " killed at once.";
  }

  Result<Unlocked, StoreFault> on(const WasFree&) const {
    return Unlocked{lock_ + "is free; there is nothing to unlock"};
  }

  Result<Unlocked, StoreFault> on(const Freed& freed) const {
    const bool was_dead = !freed.from.empty() && freed.from.front().life == Life::Dead;
    return Unlocked{lock_ + "is free now; " +
                    (was_dead
                         ? of_number(freed.from, "its holder was dead: ", "its holders were dead: ")
                         : "--min-hold kept it for: ") +
                    described(freed.from)};
  }

  Result<Unlocked, StoreFault> on(const StillHeld& still) const {
    const std::vector<HolderStatus>& holders = still.by.holders;
    if (still.by.state() == LockStatus::State::HeldByMinHold) {
      return Unlocked{lock_ + "is kept by --min-hold for " + roughly(longest_end(holders, {})) +
                          " more; " + of_number(holders, "its job has", "their jobs have") +
                          " ended (" + described(holders) + "); --force frees it now",
                      held};
    }
    return Unlocked{lock_ + "is held by " + described(holders) +
                        "; --force takes the lock and kills the " +
                        of_number(holders, "job", "jobs"),
                    held};
  }

  /// As long as the tombstone stands, a job may still run.
  Result<Unlocked, StoreFault> on(const Forced& forced) {
    const Instant began = BootClock::now();
    // A holder whose end is not known gets the time of a kill.
    const Instant until = began + longest_end(forced.from, 10s) + 1s;
    bool told = false;
    for (;;) {
      auto lock = inspector_.inspect(how_.key, deadline());
      if (!lock) return lock.error();
      const HolderStatus* const mark = mark_in(*lock, forced.from);
      const Instant now = BootClock::now();
      if (mark == nullptr) return confirmed(forced, now - began);
      if (mark->life == Life::Dead) return freed_after_death(forced);
      if (now >= until) return unconfirmed(forced, *mark);
      if (now >= began + 1s && !std::exchange(told, true)) {
        log_.notice("waiting for " + described(forced.from) + " to confirm that " +
                    of_number(forced.from, "its job is", "their jobs are") + " gone, at most " +
                    roughly(until - now));
      }
      wait_for_any({}, now + (now < began + 1s ? 5ms : 100ms));
    }
  }

  /// Finds the tombstone, which stands in the place of one of the holders that must release. Its
  /// author does not matter: another operator may have forced the same holder later.
  static const HolderStatus* mark_in(const LockStatus& lock,
                                     const std::vector<HolderStatus>& victims) {
    for (const HolderStatus& holder : lock.holders) {
      const auto is_told = [&](const HolderStatus& victim) {
        return victim.holder.process == holder.holder.process;
      };
      if (holder.holder.forced && std::any_of(victims.begin(), victims.end(), is_told))
        return &holder;
    }
    return nullptr;
  }

  /// The time until the last of them expires: its lease, or what --min-hold keeps for it.
  static Duration longest_end(const std::vector<HolderStatus>& holders, Duration if_not_known) {
    Duration longest{};
    for (const HolderStatus& holder : holders)
      longest = std::max(longest, holder.ends_in.value_or(if_not_known));
    return longest;
  }

  Unlocked confirmed(const Forced& forced, Duration after) const {
    const bool peer = !forced.from.empty() && forced.from.front().holder.token.value == 0;
    if (peer) {
      return {lock_ + "is free now, taken from " + described(forced.from) +
              ", which is not dlock and cannot confirm that it has stopped"};
    }
    return {lock_ + "is free now, taken from " + described(forced.from) +
            of_number(forced.from, ", which confirms that its job is gone (after ",
                      ", which confirm that their jobs are gone (after ") +
            std::to_string(whole_ms(after)) + "ms)"};
  }

  /// The lease ended without a confirmation: the job should be dead by then, but there is no proof.
  /// The next run that asks would acquire the lock, so it is left free.
  Result<Unlocked, StoreFault> freed_after_death(const Forced& forced) {
    Unlocker by = how_.by;
    by.by_force = false;
    auto freed = inspector_.unlock(how_.key, by, deadline());
    if (!freed) return freed.error();
    return Unlocked{
        lock_ + "was taken from " + described(forced.from) + ", which did not answer; " +
            of_number(forced.from, "its lease has", "their leases have") +
            " expired, so other runs can acquire the lock; " + where_to_check(forced.from),
        not_confirmed};
  }

  Unlocked unconfirmed(const Forced& forced, const HolderStatus& mark) const {
    return {
        lock_ + "was taken from " + described(forced.from) +
            of_number(forced.from, ", which does not confirm that its job is gone; is it stopped?",
                      ", which do not confirm that their jobs are gone; are they stopped?") +
            " The lock stays closed" +
            (mark.ends_in ? " for " + roughly(*mark.ends_in) + " at most" : " until they do"),
        not_confirmed};
  }

  Inspector& inspector_;
  const Unlocking& how_;
  KeyLog log_;
  std::string lock_;  // the start of each sentence
};

}  // namespace

Unlocker make_unlocker(bool by_force) {
  const std::string host = host_name();
  return {.host = printable(host),
          .pid = ::getpid(),
          .user = user_name(),
          .command = by_force ? "dlock unlock --force" : "dlock unlock",
          .process = make_process_hash(host, ::getpid(), random_number()),
          .by_force = by_force};
}

Result<Unlocked, StoreFault> unlock(Inspector& inspector, const Unlocking& how, Log& log) {
  auto unlocked = Unlock{inspector, how, log}.run();
  if (!unlocked) return with_key(how.key, unlocked.error());
  return unlocked;
}

}  // namespace dlock::operate
