#pragma once

#include "store/store.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace dlock {

/// For JSON that is read by people and programs. Somebody else may have written the text, and a
/// terminal may show it: so it is printable. What is not known is left out.
void put(nlohmann::ordered_json& json, const char* field, const std::string& text);

/// Who it is and since when: `host`, `pid`, `user`, `command`, `note`, `trace`, `since`.
void put_who(nlohmann::ordered_json& json, const Holder& holder);
/// What put_who() wrote. Throws what the library throws when it did not write that.
Holder who_in(const nlohmann::json& json);

}  // namespace dlock
