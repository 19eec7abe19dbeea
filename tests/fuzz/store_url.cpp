// The URL of a store: --store, DLOCK_STORE and the configuration file.
#include "fuzz/property.h"
#include "store/address.h"

using namespace dlock;

namespace {

/// Replaces each letter and digit by another one, and hex digits by hex digits.
char another(char c) {
  if (c >= '0' && c <= '9') return '7';
  if (c >= 'a' && c <= 'f') return 'b';
  if (c >= 'A' && c <= 'F') return 'B';
  const bool is_letter = (c >= 'g' && c <= 'z') || (c >= 'G' && c <= 'Z');
  return is_letter ? 'q' : c;
}

/// The same URL with another login, which is the text between the scheme and the last @. A path can
/// contain an @ as well.
std::string with_another_login(std::string_view text) {
  std::string other{text};
  const auto scheme = text.find("://");
  const bool is_path = text.starts_with("unix:///");
  const auto at = text.starts_with("unix://") ? text.find("@/") : text.rfind('@');
  if (is_path || scheme == text.npos || at == text.npos) return other;
  for (std::size_t i = scheme + 3; i < at; ++i) other[i] = another(other[i]);
  return other;
}

bool is_one_line(const std::string& text) {
  return !text.empty() && fuzz::repaints_nothing(text) && text.find('\n') == text.npos;
}

void check(const RedisAddress& address) {
  fuzz::require(!address.endpoints.empty(), "an address has an endpoint");
  fuzz::require(address.database >= 0 && address.database <= 1'000'000, "a database has a number");
  for (const Endpoint& endpoint : address.endpoints) {
    const bool by_path = !endpoint.socket_path.empty();
    fuzz::require(by_path || !endpoint.host.empty(), "an endpoint has a host or a path");
    fuzz::require(by_path || (endpoint.port >= 1 && endpoint.port <= 65535), "a port is valid");
  }
  const std::string name = address.name();
  fuzz::require(is_one_line(name), "a name is one line");
  // Unprintable bytes have become question marks, which a URL has only before a database.
  if (!address.login.user.empty() || name.find('?') != name.npos) return;
  const auto again = parse_store_address(name);
  fuzz::require(again.ok(), "a name is a URL");
  fuzz::require(std::get<RedisAddress>(*again).name() == name, "the URL has the same name");
}

/// The displayed name of a store, or of an invalid URL.
std::string shown(const Result<StoreAddress, std::string>& address) {
  if (!address) return address.error();
  const auto* redis = std::get_if<RedisAddress>(&*address);
  return redis != nullptr ? redis->name() : "local";
}

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const auto address = parse_store_address(text);
  if (!address) fuzz::require(is_one_line(address.error()), "a refusal is one line");
  fuzz::require(shown(parse_store_address(with_another_login(text))) == shown(address),
                "the output does not depend on the login");
  if (!address) return 0;
  if (const auto* redis = std::get_if<RedisAddress>(&*address)) check(*redis);
  if (const auto* local = std::get_if<LocalAddress>(&*address))
    fuzz::require(local->directory.empty() || local->directory.starts_with('/'),
                  "the directory of a local store is absolute");
  return 0;
}
