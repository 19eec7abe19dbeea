#include "operate/show.h"

#include "core/exit_code.h"
#include "core/text.h"
#include "operate/words.h"
#include "os/clock.h"
#include "os/poll.h"

namespace dlock::operate {
namespace {

/// Over what was there: each line is cleared as it is written, and what is left below.
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

  bool show(const Sight& sight) {
    const std::string text = shown(sight, store_, view_.form, screen_);
    const std::string missing = what_is_missing(sight);
    // Once, it is told as an error, at the end.
    if (!view_.watch || missing.empty() || view_.form == View::Form::Json) return put(text);
    return put(text + missing + "\n");
  }
  bool show(const StoreFault& fault) {
    return put(view_.form == View::Form::Json ? "" : fault.sentence + "\n");
  }

 private:
  bool put(const std::string& text) {
    if (!view_.watch || view_.form == View::Form::Json) return print_(text);
    screen_ = Screen::of_stdout();  // its size may have changed
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

Result<int, StoreFault> show(Inspector& inspector, const Query& query, const View& view,
                             const Print& print, Log& log) {
  const std::string store = inspector.name();
  Display display{store, view, print};
  for (;;) {
    const Instant began = BootClock::now();
    auto sight = look(inspector, query, {began + view.patience, nullptr});
    if (!sight && !view.watch) return sight.error();
    if (!sight && view.form == View::Form::Json) log.warn(sight.error().sentence);
    const bool all_is_free = sight && sight->locks.empty() && sight->missing.empty();
    if (all_is_free && !view.watch && view.form == View::Form::Table) {
      log.notice(
          "no lock is held in " + store +
          (query.pattern == "*" ? "" : " whose key matches '" + printable(query.pattern) + "'"));
      return 0;
    }
    const bool printed = sight ? display.show(*sight) : display.show(sight.error());
    if (!printed) return static_cast<int>(ExitCode::SystemError);
    if (!view.watch && !sight->missing.empty())
      return StoreFault{.exit_code = sight->missing_code, .sentence = what_is_missing(*sight)};
    if (!view.watch) return exit_code_of(sight->locks);
    wait_for_any({}, began + *view.watch);
  }
}

}  // namespace dlock::operate
