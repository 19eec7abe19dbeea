#pragma once

#include "core/result.h"
#include "redis/address.h"

#include <string>
#include <string_view>
#include <variant>

namespace dlock {

/// The embedded store. An empty directory means the user's default directory.
struct LocalAddress {
  std::string directory;
};

using StoreAddress = std::variant<LocalAddress, RedisAddress>;

/// Parses `--store`: `local`, `local:/directory`, or a Redis URL (see parse_redis_address).
///
/// The error is the text that follows the option's name: it shows the URL without its secrets and
/// lists what is allowed.
Result<StoreAddress, std::string> parse_store_address(std::string_view text);

}  // namespace dlock
