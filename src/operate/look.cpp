#include "operate/look.h"

#include "core/exit_code.h"
#include "core/text.h"
#include "operate/json.h"
#include "operate/words.h"
#include "os/clock.h"

#include <algorithm>
#include <fnmatch.h>

namespace dlock::operate {

namespace {

void add_missing(Sight& sight, const StoreFault& fault) {
  if (sight.missing.empty()) sight.missing_code = fault.exit_code;
  if (std::find(sight.missing.begin(), sight.missing.end(), fault.sentence) == sight.missing.end())
    sight.missing.push_back(fault.sentence);
}

}  // namespace

Result<Sight, StoreFault> look(Inspector& inspector, const Query& query, const Patience& patience) {
  Sight sight;
  for (const LockKey& key : query.keys) {
    auto lock = inspector.look_at(key, patience);
    if (!lock) return with_key(key, lock.error());
    sight.locks.push_back(std::move(*lock));
  }
  if (!query.keys.empty()) return sight;
  auto found = inspector.keys(patience);
  if (!found) return found.error();
  for (const StoreFault& fault : found->unasked) add_missing(sight, fault);
  for (const std::string& name : found->keys) {
    const auto key = LockKey::parse(name);
    if (!key || ::fnmatch(query.pattern.c_str(), name.c_str(), 0) != 0) continue;
    auto lock = inspector.look_at(*key, patience);
    if (!lock) {
      add_missing(sight, lock.error());
      continue;
    }
    if (lock->state() != LockStatus::State::Free || lock->waiting > 0)
      sight.locks.push_back(std::move(*lock));
  }
  return sight;
}

std::string what_is_missing(const Sight& sight) {
  std::string sentences;
  for (const std::string& sentence : sight.missing)
    sentences += (sentences.empty() ? "some locks may be missing: " : "; ") + sentence;
  return sentences;
}

std::string shown(const Sight& sight, const std::string& store, View::Form form,
                  const Screen& screen) {
  const std::vector<LockStatus>& locks = sight.locks;
  std::string text;
  switch (form) {
    case View::Form::Table:
      return to_table(locks, screen);
    case View::Form::Json:
      return to_json(sight, store, wall_clock_now());
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
