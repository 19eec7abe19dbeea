#pragma once

#include "core/time.h"
#include "store/store.h"

#include <optional>
#include <string>
#include <string_view>

namespace dlock::local {

/// The value of a lock that `--min-hold` keeps although nobody holds it any more: until that moment
/// of the machine_now() of this boot. A restart of the machine ends it: who could run before is
/// gone, too.
std::string kept_json(const Claim& claim, const Grant& grant, Instant until);

/// How much longer a lock of that value is kept; nothing when it is not.
std::optional<Duration> kept_for(std::string_view value);

}  // namespace dlock::local
