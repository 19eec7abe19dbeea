#pragma once

#include "store/store.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace dlock {

/// Adds a field to JSON that people and programs read. Another program can have written the text,
/// and a terminal can show it, so the text is made printable. An empty text is omitted.
void put(nlohmann::ordered_json& json, const char* field, const std::string& text);

/// Adds the identity of the holder and the start time: `host`, `pid`, `user`, `command`, `note`,
/// `trace`, `since`.
void put_who(nlohmann::ordered_json& json, const Holder& holder);
/// Reads what put_who() wrote. Throws an exception of the JSON library if a field has another type.
Holder who_in(const nlohmann::json& json);

}  // namespace dlock
