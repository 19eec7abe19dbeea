#include "operate/show.h"

#include "core/ending.h"
#include "core/text.h"
#include "operate/status_json.h"
#include "operate/status_text.h"
#include "os/clock.h"
#include "os/wait.h"

#include <algorithm>
#include <fnmatch.h>

namespace dlock::operate {

namespace {

void add_missing(LocksFound& listing, const StoreFault& fault) {
  if (listing.missing.empty()) listing.missing_code = fault.exit_code;
  if (std::find(listing.missing.begin(), listing.missing.end(), fault.sentence) ==
      listing.missing.end())
    listing.missing.push_back(fault.sentence);
}

/// Overwrites the previous text: each line is cleared as it is written, and so is everything below.
std::string redrawn(const std::string& text, const std::string& title) {
  std::string out = "\033[H" + title + "\033[K\n\033[K\n";
  for (const char c : text) {
    if (c == '\n') out += "\033[K";
    out += c;
  }
  return out + "\033[J";
}

class Display {
 public:
  Display(const std::string& store, const View& view, const Print& print)
      : store_(store), view_(view), print_(print), screen_(Screen::of_stdout()) {}

  bool show(const LocksFound& listing) {
    const std::string text = rendered(listing, store_, view_.form, screen_);
    const std::string missing = what_is_missing(listing);
    // Without repetition, this is an error message at the end.
    if (!view_.watch || missing.empty() || view_.form == View::Form::Json) return put(text);
    return put(text + missing + "\n");
  }
  bool show(const StoreFault& fault) {
    return put(view_.form == View::Form::Json ? "" : fault.sentence + "\n");
  }

 private:
  bool put(const std::string& text) {
    if (!view_.watch || view_.form == View::Form::Json) return print_(text);
    screen_ = Screen::of_stdout();  // the terminal may have been resized
    if (!screen_.can_redraw) return print_(text + "\n");
    const std::string clear = first_ ? "\033[2J" : "";
    first_ = false;
    return print_(clear + redrawn(text, cut_to("every " + roughly(*view_.watch) + ": " + store_ +
                                                   ", " + iso_now(),
                                               screen_.width > 0 ? screen_.width : 200)));
  }

  const std::string& store_;
  const View& view_;
  const Print& print_;
  Screen screen_;
  bool first_ = true;
};

}  // namespace

Result<LocksFound, StoreFault> find_locks(Inspector& inspector, const Query& query,
                                          const CallDeadline& deadline) {
  LocksFound listing;
  for (const LockKey& key : query.keys) {
    auto lock = inspector.inspect(key, deadline);
    if (!lock) return with_key(key, lock.error());
    listing.locks.push_back(std::move(*lock));
  }
  if (!query.keys.empty()) return listing;
  auto found = inspector.keys(deadline);
  if (!found) return found.error();
  for (const StoreFault& fault : found->unasked) add_missing(listing, fault);
  for (const std::string& name : found->keys) {
    const auto key = LockKey::parse(name);
    if (!key || ::fnmatch(query.pattern.c_str(), name.c_str(), 0) != 0) continue;
    auto lock = inspector.inspect(*key, deadline);
    if (!lock) {
      add_missing(listing, lock.error());
      continue;
    }
    if (lock->state() != LockStatus::State::Free || lock->waiting > 0)
      listing.locks.push_back(std::move(*lock));
  }
  return listing;
}

std::string what_is_missing(const LocksFound& listing) {
  std::string sentences;
  for (const std::string& sentence : listing.missing)
    sentences += (sentences.empty() ? "some locks may be missing: " : "; ") + sentence;
  return sentences;
}

std::string rendered(const LocksFound& listing, const std::string& store, View::Form form,
                     const Screen& screen) {
  const std::vector<LockStatus>& locks = listing.locks;
  std::string text;
  switch (form) {
    case View::Form::Table:
      return to_table(locks, screen);
    case View::Form::Json:
      return to_json(listing, store, wall_clock_now());
    case View::Form::Details:
      for (const LockStatus& lock : locks)
        text += (text.empty() ? "" : "\n") + to_details(lock, screen);
      return text;
    case View::Form::KeysOnly:
      for (const LockStatus& lock : locks) {
        // Only unchanged keys are useful to a program: a printable form is not the key, and a key
        // with a newline would look like two.
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

Result<int, StoreFault> show(Inspector& inspector, const Query& query, const View& view,
                             const Print& print, Log& log) {
  const std::string store = inspector.name();
  Display display{store, view, print};
  for (;;) {
    const Instant began = BootClock::now();
    auto listing = find_locks(inspector, query, {began + view.timeout, nullptr});
    if (!listing && !view.watch) return listing.error();
    if (!listing && view.form == View::Form::Json) log.warn(listing.error().sentence);
    const bool all_is_free = listing && listing->locks.empty() && listing->missing.empty();
    if (all_is_free && !view.watch && view.form == View::Form::Table) {
      log.notice(
          "no lock is held in " + store +
          (query.pattern == "*" ? "" : " whose key matches '" + printable(query.pattern) + "'"));
      return 0;
    }
    const bool printed = listing ? display.show(*listing) : display.show(listing.error());
    if (!printed) return static_cast<int>(ExitCode::SystemError);
    if (!view.watch && !listing->missing.empty())
      return StoreFault{.exit_code = listing->missing_code, .sentence = what_is_missing(*listing)};
    if (!view.watch) return exit_code_of(listing->locks);
    wait_for_any({}, began + *view.watch);
  }
}

}  // namespace dlock::operate
