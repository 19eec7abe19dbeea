// Values of keys in Redis and of files of the embedded store, which any program can have written,
// and the output for them.
#include "core/holder.h"
#include "core/text.h"
#include "fuzz/property.h"
#include "operate/owner.h"
#include "operate/status_json.h"
#include "operate/status_text.h"
#include "store/lock_json.h"

#include <nlohmann/json.hpp>

using namespace dlock;

namespace {

/// A lock written for a claim with such words is parsed back, except for bytes that are not UTF-8.
void check_round_trip(const Holder& holder) {
  const auto key = LockKey::parse(holder.command);
  if (!key || holder.host.empty()) return;
  const Claim claim{.key = *key,
                    .terms = {std::chrono::seconds{10}, std::chrono::minutes{5}},
                    .process = holder.process,
                    .host = holder.host,
                    .pid = holder.pid,
                    .user = holder.user,
                    .command = holder.command,
                    .trace = holder.trace,
                    .note = holder.note,
                    .limit = holder.limit};
  const auto read = parse_lock_json(
      lock_json(claim, holder.owner, holder.acquired_at, holder.acquired_at, holder.token));
  fuzz::require(read.has_value(), "a written lock can be parsed");
  fuzz::require(read->owner == holder.owner && read->process == holder.process,
                "its owner is parsed back");
  fuzz::require(read->command == holder.command && read->note == holder.note &&
                    read->trace == holder.trace && read->user == holder.user &&
                    read->host == holder.host && read->acquired_at == holder.acquired_at,
                "all its texts are parsed back");
  fuzz::require(read->token == holder.token, "its token is parsed back, to the last digit");
  fuzz::require(read->limit == holder.limit, "its limit is parsed back");
  fuzz::require(holder.pid < 0 || read->pid == holder.pid, "its pid is parsed back");
}

void check_shown(const LockStatus& lock) {
  for (const bool on_a_terminal : {false, true}) {
    const operate::Screen screen{.width = on_a_terminal ? 40U : 0U};
    fuzz::require(fuzz::repaints_nothing(operate::to_table({lock}, screen)),
                  "a table has no control characters");
    fuzz::require(fuzz::repaints_nothing(operate::to_details(lock, screen)),
                  "the details have no control characters");
  }
  const std::string json = operate::to_json({.locks = {lock}}, "redis://host", {1});
  fuzz::require(fuzz::repaints_nothing(json), "the JSON has no control characters");
  fuzz::require(json.find('\n') == json.size() - 1, "the JSON is one line");
  fuzz::require(nlohmann::json::accept(json), "the JSON can be parsed");
}

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  token_in(text);
  alive_at_in(text);
  min_hold_until_in(text);
  LockStatus lock{.key = std::string{text}};
  lock.past_run = parse_past_run_json(text);
  if (auto holder = parse_lock_json(text)) {
    fuzz::require(!holder->owner.text.empty() && !holder->process.text.empty(),
                  "a lock has an owner");
    fuzz::require(holder->limit.most >= 1, "a limit is at least one");
    const std::string described = describe(*holder);
    fuzz::require(fuzz::repaints_nothing(described) && described.find('\n') == described.npos,
                  "a holder is described in one line");
    check_round_trip(*holder);
    if (const auto parsed = parse_owner_hash(holder->owner.text))
      fuzz::require(unescaped(holder->owner.text).starts_with(parsed->key),
                    "an owner hash has its key");
    lock.waiters = {*holder};
    lock.holders = {{.holder = *holder}, {.holder = *holder, .life = HolderStatus::Life::Forced}};
    operate::state_of(holder->owner, lock);
  }
  check_shown(lock);
  return 0;
}
