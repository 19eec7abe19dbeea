#include "store/lock_json.h"

#include <nlohmann/json.hpp>

namespace dlock {
namespace {

using nlohmann::ordered_json;

// Host names and commands are bytes; JSON is UTF-8.
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

nlohmann::json object_in(std::string_view text) {
  nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? json : nlohmann::json::object();
}

}  // namespace

std::string lock_json(const Claim& claim, const OwnerHash& owner, const std::string& acquired_at,
                      const std::string& extended_at, std::optional<FencingToken> token) {
  ordered_json json;
  json["ownerHash"] = owner.text;
  json["processHash"] = claim.process.text;
  if (!claim.trace.empty()) json["trace"] = claim.trace;
  json["acquiredAt"] = acquired_at;
  json["extendedAt"] = extended_at;
  json["host"] = claim.host;
  json["pid"] = claim.pid;
  if (!claim.user.empty()) json["user"] = claim.user;
  json["command"] = claim.command;
  if (!claim.note.empty()) json["note"] = claim.note;
  if (token) json["token"] = token->value;
  std::string text = dumped(json);
  if (!token) text.pop_back();
  return text;
}

std::string liveness_json(const std::string& alive_at) { return dumped({{"aliveAt", alive_at}}); }

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
  return holder;
}

FencingToken token_in(std::string_view text) { return {number_in(object_in(text), "token")}; }

}  // namespace dlock
