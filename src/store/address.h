#pragma once

#include "core/result.h"

#include <string>
#include <string_view>
#include <variant>

namespace dlock {

/// The embedded store; an empty directory means the default one of the user.
struct LocalAddress {
  std::string directory;
};

struct RedisAddress {
  std::string host = "127.0.0.1";
  int port = 6379;
  std::string socket_path;  // if set, host and port mean nothing
  std::string user;
  std::string password;
  int database = 0;

  /// `redis://host:port/db` or `unix:///path`: what messages show, so without user and password.
  std::string name() const;
};

using StoreAddress = std::variant<LocalAddress, RedisAddress>;

/// Reads `--store`: `redis://[user[:password]@]host[:port][/db]`, `unix://[user[:password]@]/path`
/// with `?db=N`, `local` or `local:/directory`. User and password may be percent-encoded.
///
/// The error is what comes after the option's name: it shows the URL without its secrets, and says
/// what to write instead.
Result<StoreAddress, std::string> parse_store_address(std::string_view text);

}  // namespace dlock
