#include "operate/status_text.h"

#include "core/text.h"
#include "operate/screen.h"

#include <utility>

namespace dlock::operate {
namespace {

using namespace std::chrono_literals;
using State = LockStatus::State;
using Life = HolderStatus::Life;

Colour colour_of(State state) {
  switch (state) {
    case State::Held:
      return Colour::Green;
    case State::HeldByMinHold:
      return Colour::Yellow;
    case State::Dead:
    case State::NotALock:
      return Colour::Red;
    case State::Free:
      break;
  }
  return Colour::Plain;
}

/// The state that the lock would have if this were its only holder.
State state_with(const LockStatus& lock, const HolderStatus& holder) {
  LockStatus one;
  one.holders = {holder};
  return lock.not_a_lock ? State::NotALock : one.state();
}

std::string count(std::size_t number) { return number == 0 ? "" : std::to_string(number); }

std::vector<Cell> row_of(const LockStatus& lock, const HolderStatus& holder) {
  const State state = state_with(lock, holder);
  const Holder& who = holder.holder;
  return {{printable(lock.key)},
          {holder.life == Life::Forced ? word_for(holder.life) : word_for(state), colour_of(state)},
          {host_of(who)},
          {who.pid > 0 ? std::to_string(who.pid) : ""},
          {printable(who.user)},
          {holder.held_for ? roughly(*holder.held_for) : ""},
          {count(lock.waiting)},
          {printable(who.command)}};
}

class Details {
 public:
  explicit Details(const Screen& screen) : screen_(screen) {}

  void title(const LockStatus& lock) {
    const State state = lock.state();
    text_ += coloured(printable(lock.key), Colour::Bold, screen_) + ": " +
             coloured(word_for(state), colour_of(state), screen_) + "\n";
  }
  /// Adds nothing if the value is empty.
  void line(const std::string& name, const std::string& value) {
    if (value.empty()) return;
    constexpr std::size_t name_width = 10;
    std::string line = "  " + name;
    line.resize(2 + name_width, ' ');
    line += printable(value);
    text_ += (screen_.width > 0 ? cut_to(line, screen_.width) : line) + "\n";
  }
  std::string take() { return std::move(text_); }

 private:
  const Screen& screen_;
  std::string text_;
};

std::string limit_of(const Holder& holder) {
  if (holder.limit.is_exclusive()) return {};
  if (holder.limit.is_shared()) return "shared";
  return "at most " + std::to_string(holder.limit.most) + " holders";
}

std::string liveness_of(const HolderStatus& holder) {
  std::string text = word_for(holder.life);
  if (holder.life == Life::Forced) {
    text += ": its job is being killed";
    if (holder.ends_in) text += "; free in " + roughly(*holder.ends_in) + " at the latest";
    return text;
  }
  if (holder.life == Life::HeldByMinHold) {
    text += ": its job has ended, and --min-hold keeps the lock";
    return holder.ends_in ? text + " for " + roughly(*holder.ends_in) : text;
  }
  if (holder.life == Life::Dead)
    return text + ": its lease has expired; the next run can acquire the lock";
  if (holder.renewed_ago) text += ", renewed " + roughly(*holder.renewed_ago) + " ago";
  if (holder.ends_in)
    text += "; its lease expires in " + roughly(*holder.ends_in) + ", unless renewed";
  return text;
}

void add_holder(Details& details, const HolderStatus& status) {
  const Holder& holder = status.holder;
  std::string who = "host " + host_of(holder);
  if (holder.pid > 0) who += ", pid " + std::to_string(holder.pid);
  if (!holder.user.empty()) who += ", user " + holder.user;
  details.line(status.life == Life::Forced ? "taken by" : "holder", who);
  details.line("command", holder.command);
  details.line("note", holder.note);
  details.line("trace", holder.trace);
  details.line("since", holder.acquired_at +
                            (status.held_for ? " (for " + roughly(*status.held_for) + ")" : ""));
  details.line("mode", limit_of(holder));
  details.line("life", liveness_of(status));
  if (holder.token.value != 0) details.line("token", std::to_string(holder.token.value));
  details.line("owner", holder.owner.text);
}

}  // namespace

StoreFault with_key(const LockKey& key, StoreFault fault) {
  fault.sentence = about(key.bytes()) + ": " + fault.sentence;
  return fault;
}

std::string host_of(const Holder& holder) {
  if (!holder.host.empty()) return printable(holder.host);
  return printable(holder.process.text.substr(0, holder.process.text.find('/')));
}

std::string word_for(State state) { return state == State::Dead ? "dead holder" : name_of(state); }
std::string word_for(Life life) { return life == Life::Forced ? "being freed" : name_of(life); }

std::string name_of(State state) {
  switch (state) {
    case State::Free:
      return "free";
    case State::Dead:
      return "dead";
    case State::HeldByMinHold:
      return "kept";
    case State::Held:
      return "held";
    case State::NotALock:
      break;
  }
  return "no lock";
}

std::string name_of(Life life) {
  switch (life) {
    case Life::Alive:
      return "alive";
    case Life::Dead:
      return "dead";
    case Life::HeldByMinHold:
      return "kept";
    case Life::Forced:
      break;
  }
  return "forced";
}

std::string roughly(Duration duration) {
  const auto ms = whole_ms(duration);
  if (ms < 10'000) {
    const auto tenths = ms / 100;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "s";
  }
  const auto seconds = ms / 1000;
  const auto pair = [](long long large, const char* unit, long long small, const char* small_unit) {
    return std::to_string(large) + unit + (small > 0 ? std::to_string(small) + small_unit : "");
  };
  constexpr long long minute = 60;
  constexpr long long hour = 60 * minute;
  constexpr long long day = 24 * hour;
  if (seconds < minute) return std::to_string(seconds) + "s";
  if (seconds < hour) return pair(seconds / minute, "m", seconds % minute, "s");
  if (seconds < day) return pair(seconds / hour, "h", seconds % hour / minute, "m");
  return pair(seconds / day, "d", seconds % day / hour, "h");
}

std::string to_table(const std::vector<LockStatus>& locks, const Screen& screen) {
  Table table{{"KEY", "STATE", "HOST", "PID", "USER", "AGE", "WAITING", "COMMAND"}};
  for (const LockStatus& lock : locks) {
    for (const HolderStatus& holder : lock.holders) table.add(row_of(lock, holder));
    if (!lock.holders.empty()) continue;
    table.add({{printable(lock.key)},
               {word_for(lock.state()), colour_of(lock.state())},
               {},
               {},
               {},
               {},
               {count(lock.waiting)},
               {}});
  }
  return table.text(screen);
}

std::string to_details(const LockStatus& lock, const Screen& screen) {
  Details details{screen};
  details.title(lock);
  for (const HolderStatus& holder : lock.holders) add_holder(details, holder);
  if (lock.not_a_lock)
    details.line("value", "not written by dlock or a peer; no run can acquire the lock");
  if (lock.ends_in && lock.state() != State::Free)
    details.line("lock", "expires in " + roughly(*lock.ends_in) + ", unless extended");
  for (const Holder& waiter : lock.waiters) details.line("waiting", describe(waiter));
  if (lock.waiting > lock.waiters.size())
    details.line("waiting", "... " + std::to_string(lock.waiting) + " in all");
  if (lock.past_run) {
    details.line("last run", "of --once-per: by " + describe(*lock.past_run) + ", exit code " +
                                 std::to_string(lock.past_run->exit_code) +
                                 (lock.past_run->counts ? "" : ", which does not count"));
  }
  return details.take();
}

}  // namespace dlock::operate
