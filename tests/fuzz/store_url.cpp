// The URL of a store: --store, DLOCK_STORE and the configuration file.
#include "fuzz/property.h"
#include "store/address.h"

using namespace dlock;

namespace {

/// A password is looked for where it can be told from the rest.
bool can_be_told(const std::string& secret, std::string_view rest) {
  return secret.size() >= 4 && rest.find(secret) == rest.npos;
}

void check_redis(const RedisAddress& address, std::string_view text) {
  fuzz::require(!address.endpoints.empty(), "there is somebody to ask");
  fuzz::require(address.database >= 0 && address.database <= 1'000'000, "a database has a number");
  for (const Endpoint& endpoint : address.endpoints) {
    const bool by_path = !endpoint.socket_path.empty();
    fuzz::require(by_path || !endpoint.host.empty(), "an endpoint has a host or a path");
    fuzz::require(by_path || (endpoint.port >= 1 && endpoint.port <= 65535), "a port is one");
  }
  const std::string name = address.name();
  fuzz::require(fuzz::repaints_nothing(name) && name.find('\n') == name.npos, "a name is one line");
  const auto& [user, password] = address.login;
  const std::string_view behind_login = text.substr(text.rfind('@') + 1);
  fuzz::require(!can_be_told(password, behind_login) || name.find(password) == name.npos,
                "the name does not have the password");
  fuzz::require(!can_be_told(user, behind_login) || name.find(user) == name.npos,
                "the name does not have the user");
  // Bytes that cannot be shown have become question marks, which no URL of ours has but for its
  // database.
  if (password.empty() && user.empty() && name.find('?') == name.npos) {
    const auto again = parse_store_address(name);
    fuzz::require(again.ok(), "a name is a URL");
    fuzz::require(std::get<RedisAddress>(*again).name() == name, "of the same name");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const auto address = parse_store_address(text);
  if (!address) {
    const std::string& error = address.error();
    fuzz::require(!error.empty(), "a refusal says why");
    fuzz::require(fuzz::repaints_nothing(error) && error.find('\n') == error.npos,
                  "a refusal is one line");
    // What stands in front of the last @ is a login, wherever that is.
    const auto at = text.rfind('@');
    const auto scheme = text.find("://");
    if (at == text.npos || scheme == text.npos || scheme + 3 >= at) return 0;
    const std::string login{text.substr(scheme + 3, at - scheme - 3)};
    const std::string rest = std::string{text.substr(0, scheme)} + std::string{text.substr(at)};
    fuzz::require(!can_be_told(login, rest) || error.find(login) == error.npos,
                  "a refusal does not show the login");
    return 0;
  }
  if (const auto* redis = std::get_if<RedisAddress>(&*address)) check_redis(*redis, text);
  if (const auto* local = std::get_if<LocalAddress>(&*address))
    fuzz::require(local->directory.empty() || local->directory.starts_with('/'),
                  "the directory of a local store is absolute");
  return 0;
}
