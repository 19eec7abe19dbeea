#pragma once

#include "core/result.h"
#include "redis/address.h"

#include <string>
#include <string_view>
#include <variant>

namespace dlock {

/// The embedded store; an empty directory means the default one of the user.
struct LocalAddress {
  std::string directory;
};

using StoreAddress = std::variant<LocalAddress, RedisAddress>;

/// Reads `--store`: `local`, `local:/directory`, or a URL of a Redis (see parse_redis_address).
///
/// The error is what comes after the option's name: it shows the URL without its secrets, and says
/// what to write instead.
Result<StoreAddress, std::string> parse_store_address(std::string_view text);

}  // namespace dlock
