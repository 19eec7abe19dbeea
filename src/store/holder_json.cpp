#include "store/holder_json.h"

#include "core/text.h"

#include <nlohmann/json.hpp>

namespace dlock {

void put(nlohmann::ordered_json& json, const char* field, const std::string& text) {
  // Another program can have written the text, at any length.
  constexpr std::size_t most = 4096;
  if (!text.empty()) json[field] = excerpt(text, most);
}

void put_who(nlohmann::ordered_json& json, const Holder& holder) {
  put(json, "host", holder.host);
  if (holder.pid > 0) json["pid"] = holder.pid;
  put(json, "user", holder.user);
  put(json, "command", holder.command);
  put(json, "note", holder.note);
  put(json, "trace", holder.trace);
  put(json, "since", holder.acquired_at);
}

Holder who_in(const nlohmann::json& json) {
  return {.trace = json.value("trace", ""),
          .acquired_at = json.value("since", ""),
          .host = json.value("host", ""),
          .pid = json.value("pid", 0L),
          .user = json.value("user", ""),
          .command = json.value("command", ""),
          .note = json.value("note", "")};
}

}  // namespace dlock
