#include "operate/status_json.h"

#include "core/iso_time.h"
#include "core/text.h"
#include "operate/status_text.h"
#include "store/holder_json.h"

#include <nlohmann/json.hpp>

namespace dlock::operate {
namespace {

using nlohmann::ordered_json;

double seconds(Duration duration) { return static_cast<double>(whole_ms(duration)) / 1000; }

void put_seconds(ordered_json& json, const char* field, const std::optional<Duration>& duration) {
  if (duration) json[field] = seconds(*duration);
}

ordered_json who_in(const Holder& holder) {
  ordered_json json;
  put_who(json, holder);
  if (holder.limit.is_shared()) json["shared"] = true;
  if (!holder.limit.is_shared() && !holder.limit.is_exclusive()) json["limit"] = holder.limit.most;
  put(json, "process", holder.process.text);
  return json;
}

ordered_json holder_in(const HolderStatus& status) {
  ordered_json json{{"life", name_of(status.life)}};
  json.update(who_in(status.holder));
  put(json, "owner", status.holder.owner.text);
  if (status.holder.token.value != 0) json["token"] = status.holder.token.value;
  put_seconds(json, "held_seconds", status.held_for);
  put_seconds(json, "silent_seconds", status.renewed_ago);
  put_seconds(json, "ends_in_seconds", status.ends_in);
  return json;
}

ordered_json past_run_in(const PastRun& run) {
  ordered_json json{{"started", iso_of(run.started)}, {"counts", run.counts}};
  put(json, "ended", run.ended_at);
  json["exit_code"] = run.exit_code;
  put(json, "host", run.host);
  if (run.pid > 0) json["pid"] = run.pid;
  put(json, "user", run.user);
  put(json, "command", run.command);
  return json;
}

ordered_json lock_in(const LockStatus& lock) {
  ordered_json json{{"key", printable(lock.key)}, {"state", name_of(lock.state())}};
  json["holders"] = ordered_json::array();
  for (const HolderStatus& holder : lock.holders) json["holders"].push_back(holder_in(holder));
  put_seconds(json, "ends_in_seconds", lock.ends_in);
  json["waiting"] = lock.waiting;
  json["waiters"] = ordered_json::array();
  for (const Holder& waiter : lock.waiters) json["waiters"].push_back(who_in(waiter));
  if (lock.past_run) json["last_run"] = past_run_in(*lock.past_run);
  return json;
}

}  // namespace

std::string to_json(const LocksFound& listing, const std::string& store, StoreTime at) {
  ordered_json json{{"store", printable(store)}, {"at", iso_of(at)}};
  json["locks"] = ordered_json::array();
  for (const LockStatus& lock : listing.locks) json["locks"].push_back(lock_in(lock));
  for (const std::string& sentence : listing.missing)
    json["missing"].push_back(printable(sentence));
  return json.dump() + "\n";
}

}  // namespace dlock::operate
