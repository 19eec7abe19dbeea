#include "store/lock_json.h"

#include <nlohmann/json.hpp>

#include <utility>

namespace dlock {
namespace {

using nlohmann::ordered_json;

// Host names and commands are arbitrary bytes; JSON requires UTF-8.
std::string dumped(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string text_in(const nlohmann::json& json, const char* field) {
  const auto found = json.find(field);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::uint64_t number_in(const nlohmann::json& json, const char* field) {
  const auto found = json.find(field);
  return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

/// On the wire 0 means no limit.
std::uint32_t limit_number(Limit limit) { return limit.is_shared() ? 0 : limit.most; }

Limit limit_in(const nlohmann::json& json) {
  const auto found = json.find("limit");
  if (found == json.end() || !found->is_number_unsigned()) return {};
  const auto number = found->get<std::uint64_t>();
  if (number == 0 || number >= Limit::shared().most) return Limit::shared();
  return {static_cast<std::uint32_t>(number)};
}

bool flag_in(const nlohmann::json& json, const char* field) {
  const auto found = json.find(field);
  return found != json.end() && found->is_boolean() && found->get<bool>();
}

/// All values of dlock are flat. Nested values of other programs are dropped: copying or comparing
/// them uses stack for each level, and any client with write access can nest as deep as it likes.
bool is_flat(int depth, nlohmann::json::parse_event_t event, nlohmann::json&) {
  using Event = nlohmann::json::parse_event_t;
  return depth == 0 || (event != Event::object_start && event != Event::array_start);
}

nlohmann::json object_in(std::string_view text) {
  nlohmann::json json = nlohmann::json::parse(text, is_flat, /*allow_exceptions=*/false);
  return json.is_object() ? std::move(json) : nlohmann::json::object();
}

Holder holder_of(const Claim& claim, const OwnerHash& owner, const std::string& acquired_at) {
  return {.owner = owner,
          .process = claim.process,
          .trace = claim.trace,
          .acquired_at = acquired_at,
          .host = claim.host,
          .pid = claim.pid,
          .user = claim.user,
          .command = claim.command,
          .note = claim.note,
          .limit = claim.limit};
}

ordered_json json_of(const Holder& holder, const std::string& extended_at) {
  ordered_json json;
  json["ownerHash"] = holder.owner.text;
  json["processHash"] = holder.process.text;
  if (!holder.trace.empty()) json["trace"] = holder.trace;
  json["acquiredAt"] = holder.acquired_at;
  json["extendedAt"] = extended_at;
  json["host"] = holder.host;
  json["pid"] = holder.pid;
  if (!holder.user.empty()) json["user"] = holder.user;
  json["command"] = holder.command;
  if (!holder.note.empty()) json["note"] = holder.note;
  if (!holder.limit.is_exclusive()) json["limit"] = limit_number(holder.limit);
  return json;
}

}  // namespace

std::string lock_json(const Claim& claim, const OwnerHash& owner, const std::string& acquired_at,
                      const std::string& extended_at, std::optional<FencingToken> token) {
  ordered_json json = json_of(holder_of(claim, owner, acquired_at), extended_at);
  if (token) json["token"] = token->value;
  std::string text = dumped(json);
  if (!token) text.pop_back();
  return text;
}

std::string group_json(const Claim& first, const ProcessHash& group, const OwnerHash& owner,
                       const std::string& acquired_at) {
  Claim claim = first;
  claim.process = group;
  return lock_json(claim, owner, acquired_at, acquired_at, {}) + ",\"shares\":true}";
}

std::string liveness_json(const std::string& alive_at) { return dumped({{"aliveAt", alive_at}}); }

std::string alive_at_in(std::string_view text) { return text_in(object_in(text), "aliveAt"); }

std::optional<Holder> parse_lock_json(std::string_view text) {
  const nlohmann::json json = object_in(text);
  Holder holder;
  holder.owner.text = text_in(json, "ownerHash");
  holder.process.text = text_in(json, "processHash");
  if (holder.owner.text.empty() || holder.process.text.empty()) return {};
  holder.trace = text_in(json, "trace");
  holder.acquired_at = text_in(json, "acquiredAt");
  holder.host = text_in(json, "host");
  holder.pid = static_cast<long>(number_in(json, "pid"));
  holder.user = text_in(json, "user");
  holder.command = text_in(json, "command");
  holder.note = text_in(json, "note");
  holder.token.value = number_in(json, "token");
  holder.limit = limit_in(json);
  holder.held_by_min_hold = flag_in(json, "minHold");
  holder.forced = flag_in(json, "forced");
  return holder;
}

std::string min_hold_lock_json(const Claim& claim, const Grant& grant, const std::string& until) {
  std::string text =
      lock_json(claim, grant.owner, grant.acquired_at, grant.acquired_at, grant.token);
  text.pop_back();
  return text + ",\"minHold\":true,\"keptUntil\":\"" + until + "\"}";
}

std::string min_hold_until_in(std::string_view text) {
  return text_in(object_in(text), "keptUntil");
}

std::string forced_lock_json(const Holder& by, const HolderStatus& from) {
  Holder mark = by;
  mark.process = from.holder.process;
  mark.limit = from.holder.limit;
  ordered_json json = json_of(mark, mark.acquired_at);
  if (from.holder.token.value != 0) json["token"] = from.holder.token.value;
  json["forced"] = true;
  return dumped(json);
}

std::string past_run_json(const PastRun& run) {
  ordered_json json;
  json["startedMs"] = run.started.ms;
  json["counts"] = run.counts;
  json["endedAt"] = run.ended_at;
  json["exitCode"] = run.exit_code;
  json["host"] = run.host;
  json["pid"] = run.pid;
  if (!run.user.empty()) json["user"] = run.user;
  json["command"] = run.command;
  if (run.forget_at.ms != 0) json["forgetAtMs"] = run.forget_at.ms;
  return dumped(json);
}

std::optional<PastRun> parse_past_run_json(std::string_view text) {
  const nlohmann::json json = object_in(text);
  PastRun run;
  run.started.ms = static_cast<std::int64_t>(number_in(json, "startedMs"));
  if (run.started.ms == 0) return {};
  run.counts = flag_in(json, "counts");
  run.ended_at = text_in(json, "endedAt");
  run.exit_code = static_cast<int>(number_in(json, "exitCode"));
  run.host = text_in(json, "host");
  run.pid = static_cast<long>(number_in(json, "pid"));
  run.user = text_in(json, "user");
  run.command = text_in(json, "command");
  run.forget_at.ms = static_cast<std::int64_t>(number_in(json, "forgetAtMs"));
  return run;
}

std::string only_token(FencingToken token) {
  return "{\"token\":" + std::to_string(token.value) + "}";
}

FencingToken token_in(std::string_view text) { return {number_in(object_in(text), "token")}; }

}  // namespace dlock
