#include "cli/operate_args.h"

#include "cli/store_settings.h"
#include "cli/usage_error.h"
#include "cli/values.h"
#include "core/duration.h"

namespace dlock::cli {
namespace {

using namespace std::chrono_literals;

/// Words after a -- may begin with a dash.
std::vector<std::string> plain_words(const Words& words, const CommandLine& line) {
  std::vector<std::string> all = words.keys;
  all.insert(all.end(), line.job.begin(), line.job.end());
  return all;
}

LockKey key_of(const std::string& word) {
  auto key = LockKey::parse(word);
  if (!key) usage_error("the key " + in_quotes(word) + " " + key.error());
  return *key;
}

Duration at_least(const char* option, const std::string& word, Duration least) {
  const Duration duration = duration_of(option, word);
  if (duration < least)
    usage_error(std::string{option} + " " + in_quotes(word) + " is too short; the minimum is " +
                to_text(least));
  return duration;
}

StoreSettings store_of(const Words& words, const Environment& environment) {
  constexpr Duration of_no_matter = 10s;  // only leases use it; there is no lease here
  return store_settings(words, environment, of_no_matter);
}

operate::View view_of(const Words& words, operate::View::Form form) {
  operate::View view{.form = words.json ? operate::View::Form::Json : form};
  view.timeout = at_least("--timeout", words.timeout, 1ms);
  if (words.given("watch")) {
    view.watch = at_least("--watch", words.watch.empty() ? "2s" : words.watch, 100ms);
  }
  return view;
}

}  // namespace

ShowCommand status_command(const Words& words, const CommandLine& line,
                           const Environment& environment) {
  StoreSettings store = store_of(words, environment);
  ShowCommand command{.store = std::move(store.options),
                      .store_is_default = store.is_default,
                      .query = {},
                      .view = view_of(words, operate::View::Form::Details),
                      .is_question = true};
  const std::vector<std::string> keys = plain_words(words, line);
  if (words.given("owner")) {
    if (!keys.empty()) usage_error("--owner contains the key; remove " + in_quotes(keys.front()));
    if (words.json || words.given("watch"))
      usage_error("--owner prints one word; remove --json and --watch");
    command.owner = OwnerHash{words.owner};
    if (const auto parsed = parse_owner_hash(words.owner))
      command.query.keys.push_back(key_of(parsed->key));
    return command;
  }
  if (keys.empty())
    usage_error("the key is missing; write dlock status KEY, or dlock list to see all");
  for (const std::string& key : keys) command.query.keys.push_back(key_of(key));
  return command;
}

ShowCommand list_command(const Words& words, const CommandLine& line,
                         const Environment& environment) {
  StoreSettings store = store_of(words, environment);
  ShowCommand command{.store = std::move(store.options),
                      .store_is_default = store.is_default,
                      .query = {},
                      .view = view_of(words, operate::View::Form::Table)};
  const std::vector<std::string> patterns = plain_words(words, line);
  if (patterns.size() > 1) {
    usage_error("there are two patterns, " + in_quotes(patterns[0]) + " and " +
                in_quotes(patterns[1]) +
                "; write one, in quotes so that the shell does not expand it");
  }
  if (!patterns.empty()) command.query.pattern = patterns.front();
  if (words.keys_only) {
    if (words.json) usage_error("--keys and --json are mutually exclusive; remove one");
    command.view.form = operate::View::Form::KeysOnly;
  }
  return command;
}

UnlockCommand unlock_command(const Words& words, const CommandLine& line,
                             const Environment& environment) {
  const std::vector<std::string> keys = plain_words(words, line);
  if (keys.size() != 1)
    usage_error(keys.empty() ? "the key is missing; write dlock unlock KEY"
                             : "there are two keys, " + in_quotes(keys[0]) + " and " +
                                   in_quotes(keys[1]) + "; free one lock at a time");
  StoreSettings store = store_of(words, environment);
  return {.store = std::move(store.options),
          .store_is_default = store.is_default,
          .key = key_of(keys.front()),
          .timeout = at_least("--timeout", words.timeout, 1ms),
          .force = words.force,
          .yes = words.yes};
}

}  // namespace dlock::cli
