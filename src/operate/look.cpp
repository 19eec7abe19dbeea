#include "operate/look.h"

#include "core/exit_code.h"
#include "core/text.h"
#include "core/wall_clock.h"
#include "operate/json.h"
#include "operate/words.h"

#include <algorithm>
#include <fnmatch.h>

namespace dlock::operate {

Result<std::vector<LockStatus>, StoreFault> look(Inspector& inspector, const Query& query,
                                                 const Patience& patience) {
  std::vector<LockStatus> locks;
  for (const LockKey& key : query.keys) {
    auto lock = inspector.look_at(key, patience);
    if (!lock) return with_key(key, lock.error());
    locks.push_back(std::move(*lock));
  }
  if (!query.keys.empty()) return locks;
  auto keys = inspector.keys(patience);
  if (!keys) return keys.error();
  for (const std::string& name : *keys) {
    const auto key = LockKey::parse(name);
    if (!key || ::fnmatch(query.pattern.c_str(), name.c_str(), 0) != 0) continue;
    auto lock = inspector.look_at(*key, patience);
    if (!lock) return lock.error();
    if (lock->state() != LockStatus::State::Free || lock->waiting > 0)
      locks.push_back(std::move(*lock));
  }
  return locks;
}

std::string shown(const std::vector<LockStatus>& locks, const std::string& store, View::Form form,
                  const Screen& screen) {
  std::string text;
  switch (form) {
    case View::Form::Table:
      return to_table(locks, screen);
    case View::Form::Json:
      return to_json(locks, store, wall_clock_now());
    case View::Form::Details:
      for (const LockStatus& lock : locks)
        text += (text.empty() ? "" : "\n") + to_details(lock, screen);
      return text;
    case View::Form::KeysOnly:
      for (const LockStatus& lock : locks) {
        // What is not the key is no use to a program, and a key with a newline would be two.
        if (printable(lock.key) == lock.key) text += lock.key + "\n";
      }
      return text;
  }
  return text;
}

int exit_code_of(const std::vector<LockStatus>& locks) {
  constexpr int has_a_dead_holder = 1;
  int code = 0;
  for (const LockStatus& lock : locks) {
    switch (lock.state()) {
      case LockStatus::State::Free:
        break;
      case LockStatus::State::Dead:
        code = std::max(code, has_a_dead_holder);
        break;
      default:
        return static_cast<int>(ExitCode::SomeoneElseHoldsLock);
    }
  }
  return code;
}

}  // namespace dlock::operate
