#include "store/address.h"

#include <utility>

namespace dlock {
namespace {

constexpr const char* kinds_known =
    "write local, redis://host:port/db, unix:///path, redis+sentinel://host,host/master or "
    "redis+cluster://host,host (rediss... for TLS)";

}  // namespace

Result<StoreAddress, std::string> parse_store_address(std::string_view text) {
  if (text.empty()) return std::string{"is empty; "} + kinds_known;
  if (text == "local") return StoreAddress{LocalAddress{}};
  const auto wrong = [&](const std::string& why) { return "'" + shown_url(text) + "' " + why; };
  if (text.starts_with("local:")) {
    const std::string_view directory = text.substr(6);
    if (!directory.starts_with('/'))
      return wrong("names no absolute directory; write local:/var/lib/locks, or just local");
    return StoreAddress{LocalAddress{std::string{directory}}};
  }
  auto redis = parse_redis_address(text);
  if (!redis) return wrong(redis.error());
  if (!*redis) return wrong(std::string{"is not a supported store; "} + kinds_known);
  return StoreAddress{std::move(**redis)};
}

}  // namespace dlock
