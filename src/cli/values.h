#pragma once

#include "cli/environment.h"
#include "cli/usage_error.h"
#include "cli/words.h"
#include "core/lease.h"
#include "core/policy.h"
#include "core/text.h"
#include "core/time.h"
#include "heartbeat/service_manager.h"

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

namespace dlock::cli {

/// Parses a duration option: `1h30m`, `500ms`. Throws UsageError.
Duration duration_of(const char* option, const std::string& word);

/// Parses an option that has a fixed set of words. Throws UsageError that lists all of them.
template <class Choice>
Choice choose(const char* option, const std::string& word,
              std::initializer_list<std::pair<const char*, Choice>> choices) {
  std::string known;
  for (const auto& [name, choice] : choices) {
    if (word == name) return choice;
    known += (known.empty() ? "" : ", ") + std::string{name};
  }
  usage_error(std::string{option} + " " + in_quotes(word) + " is unknown; write one of " + known);
}

/// The time limit of the job from the option of that name (without dashes), if it was given. Throws
/// UsageError.
std::optional<Duration> time_limit_of(const Words& words, const std::string& name,
                                      const std::string& word);

/// `SIG` or `SIG:DUR`, if --warn-signal was given. Throws UsageError.
std::optional<Warning> warning_of(const Words& words, const LeaseTerms& terms,
                                  OnSilence on_silence);

/// The settings of the service manager that started dlock, from the environment and --ready.
ManagerSetting manager_of(const Words& words, const Environment& environment);

}  // namespace dlock::cli
