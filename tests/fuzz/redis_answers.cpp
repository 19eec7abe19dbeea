// The replies to the scripts and commands of the stores. The first line of the input is the
// operation, the rest is the data from the server.
#include "fuzz/property.h"
#include "operate/status_json.h"
#include "operate/status_text.h"
#include "store/redis/redis_inspector.h"
#include "store/redis/redis_store.h"
#include "unit/recorded_servers.h"

using namespace dlock;
using namespace dlock::redis;
using namespace std::chrono_literals;

namespace {

constexpr Instant sent_at = RecordedServers::sent_at;
constexpr LeaseTerms terms{10s, 5min};

void check(const StoreFault& fault) {
  fuzz::require(!fault.sentence.empty(), "a fault has a sentence");
  fuzz::require(
      fuzz::repaints_nothing(fault.sentence) && fault.sentence.find('\n') == std::string::npos,
      "a sentence is one line");
}

void check_ahead(const std::optional<Duration>& left) {
  fuzz::require(!left || *left >= 0s, "a remaining time is not negative");
}

void check(const LockStatus& lock) {
  check_ahead(lock.ends_in);
  for (const HolderStatus& holder : lock.holders) {
    check_ahead(holder.held_for);
    check_ahead(holder.renewed_ago);
    check_ahead(holder.ends_in);
  }
  fuzz::require(fuzz::repaints_nothing(operate::to_table({lock}, {})), "a table is printable");
  fuzz::require(fuzz::repaints_nothing(operate::to_details(lock, {})), "details are printable");
  fuzz::require(fuzz::repaints_nothing(operate::to_json({.locks = {lock}}, "store", {})),
                "JSON is printable");
}

void check(const AcquireAnswer& answer) {
  if (const auto* grant = std::get_if<Grant>(&answer)) {
    fuzz::require(!grant->owner.text.empty(), "a grant has an owner hash");
    fuzz::require(grant->stop_by == terms.stop_by(sent_at), "a lease is counted from the request");
  }
  if (const auto* held = std::get_if<Held>(&answer)) {
    fuzz::require(fuzz::repaints_nothing(describe(*held)),
                  "the description of a holder is printable");
    check_ahead(held->place.ahead_ends_in);
    check_ahead(held->place.holder_ends_in);
    const Duration wait = ask_again_in(held->place, terms.ttl());
    fuzz::require(wait >= 1ms && wait <= terms.ttl(), "a waiter checks again, after a pause");
  }
  if (const auto* young = std::get_if<RecentlyRestarted>(&answer))
    fuzz::require(young->wait > 0s, "the wait for a recently started server is positive");
  if (const auto* done = std::get_if<AlreadyDone>(&answer))
    fuzz::require(fuzz::repaints_nothing(describe(done->by)),
                  "the description of a past run is printable");
}

void check(const RenewAnswer& answer) {
  if (const auto* extended = std::get_if<Extended>(&answer))
    fuzz::require(extended->stop_by == terms.stop_by(sent_at),
                  "a lease is counted from the request");
  if (const auto* lost = std::get_if<Lost>(&answer))
    fuzz::require(!lost->how.empty() && fuzz::repaints_nothing(lost->how), "a loss has a reason");
}

void check(const ReleaseAnswer& answer) {
  if (const auto* lost = std::get_if<Lost>(&answer))
    fuzz::require(!lost->how.empty() && fuzz::repaints_nothing(lost->how), "a loss has a reason");
}

void check(const UnlockAnswer& answer) {
  if (const auto* held = std::get_if<StillHeld>(&answer)) check(held->by);
}

template <class Answer>
void check_result(const Result<Answer, StoreFault>& result) {
  if (result) {
    check(*result);
  } else {
    check(result.error());
  }
}

bool has(std::string_view options, char option) { return options.find(option) != options.npos; }

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view bytes = fuzz::text_of(data, size);
  const std::string_view options = fuzz::take_line(bytes);
  const auto key = LockKey::parse("job");
  Claim claim{.key = *key,
              .terms = terms,
              .process = {"web1/17.4711"},
              .host = "web1",
              .pid = 17,
              .user = "root",
              .command = "true",
              .limit = has(options, 'l') ? Limit{3} : Limit{},
              .waits = has(options, 'w')};
  if (has(options, 'o')) claim.once = OncePer{1h, false};
  const CallDeadline patience{sent_at};
  ScriptCaller caller{std::make_unique<RecordedServers>(bytes), {has(options, 'm') ? 1 : 0, 1s}};
  if (has(options, 'u') || has(options, 's')) {
    RedisInspector inspector{std::move(caller), "dlock:"};
    if (has(options, 's')) check_result(inspector.inspect(*key, patience));
    const Unlocker by{"web2", 9, "root", "dlock unlock", {"web2/9.1"}, has(options, 'f')};
    if (has(options, 'u')) check_result(inspector.unlock(*key, by, patience));
    return 0;
  }
  RedisStore store{std::move(caller),
                   {.prefix = "dlock:",
                    .lapse = has(options, 'r') ? Lapse::IsRevived : Lapse::IsLoss,
                    .slots = has(options, 'c') ? Slots::One : Slots::Any}};
  const auto acquired = store.acquire(claim, patience);
  check_result(acquired);
  Grant grant{.owner = {"job@web1/17.4711.1"}};
  if (acquired && std::holds_alternative<Grant>(*acquired)) grant = std::get<Grant>(*acquired);
  check_result(store.renew(claim, grant, patience));
  check_result(store.release(claim, {.keep = has(options, 'k') ? 1s : 0s}, patience));
  return 0;
}
