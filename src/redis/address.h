#pragma once

#include "core/result.h"
#include "redis/password.h"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dlock {

/// The embedded store; an empty directory means the default one of the user.
struct LocalAddress {
  std::string directory;
};

/// Where one server listens.
struct Endpoint {
  std::string host = "127.0.0.1";
  int port = 6379;
  std::string socket_path;  // if set, host and port mean nothing

  /// `host:port` or the path, for messages and as a name.
  std::string text() const;
  bool operator==(const Endpoint&) const = default;
};

/// Who we are to a server. Without a password nobody logs in.
struct Login {
  std::string user = {};
  Password password = {};
};

/// How the servers that keep a lock find each other, and we them.
enum class Deployment { Standalone, Sentinel, Cluster };

struct RedisAddress {
  Deployment deployment = Deployment::Standalone;
  bool tls = false;           // to the servers that keep the locks
  bool sentinel_tls = false;  // to the Sentinels
  /// The server; some of the Sentinels; some nodes of the Cluster. Never empty.
  std::vector<Endpoint> endpoints;
  std::string master;  // the name under which the Sentinels know it
  Login login;
  int database = 0;

  bool uses_tls() const { return tls || sentinel_tls; }
  /// The URL that messages show: without user and password.
  std::string name() const;
};

using StoreAddress = std::variant<LocalAddress, RedisAddress>;

/// Reads `--store`: `redis://[user[:password]@]host[:port][/db]`, `unix://[user[:password]@]/path`
/// with `?db=N`, `redis+sentinel://[user[:password]@]host[:port],.../master[/db]` (behind which
/// `?tls=master` or `?tls=sentinels` means TLS to these alone),
/// `redis+cluster://[user[:password]@]host[:port],...`, each of the TCP ones as `rediss...` for
/// TLS and `valkey...` for `redis...`, `local` or `local:/directory`. User and password may be
/// percent-encoded.
///
/// The error is what comes after the option's name: it shows the URL without its secrets, and says
/// what to write instead.
Result<StoreAddress, std::string> parse_store_address(std::string_view text);

}  // namespace dlock
