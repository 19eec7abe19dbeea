#pragma once

#include "core/result.h"
#include "redis/password.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dlock {

/// The address on which one server listens.
struct Endpoint {
  std::string host = "127.0.0.1";
  int port = 6379;
  std::string socket_path;  // if set, host and port are ignored

  /// `host:port` or the path, for messages and as a name.
  std::string text() const;
  bool operator==(const Endpoint&) const = default;
};

/// The credentials for a server. Without a password dlock does not log in.
struct Login {
  std::string user = {};
  Password password = {};
};

/// How the servers that store a lock are found.
enum class Deployment { Standalone, Sentinel, Cluster };

struct RedisAddress {
  Deployment deployment = Deployment::Standalone;
  bool tls = false;           // to the servers that store the locks
  bool sentinel_tls = false;  // to the Sentinels
  /// The server; some of the Sentinels; some nodes of the Cluster. Never empty.
  std::vector<Endpoint> endpoints;
  std::string master;  // the master's name in the Sentinels
  Login login;
  int database = 0;

  bool uses_tls() const { return tls || sentinel_tls; }
  /// The URL that messages show, without user and password.
  std::string name() const;
};

/// Parses `redis://[user[:password]@]host[:port][/db]`, `unix://[user[:password]@]/path` with
/// `?db=N`, `redis+sentinel://[user[:password]@]host[:port],.../master[/db]` (with `?tls=master` or
/// `?tls=sentinels` TLS is used for these only),
/// `redis+cluster://[user[:password]@]host[:port],...`; each of the TCP schemes also as `rediss...`
/// for TLS, and with `valkey...` for `redis...`. User and password can be percent-encoded.
///
/// Empty if the text is not a Redis URL. The error is the text that follows the URL in a message.
Result<std::optional<RedisAddress>, std::string> parse_redis_address(std::string_view text);

/// The URL in a form that messages can show: without its secrets, even if it is malformed.
std::string shown_url(std::string_view text);

/// The settings of a TLS connection. If empty: the system's CAs, no client certificate, the name of
/// the host.
struct TlsOptions {
  std::string ca_file;           // PEM
  std::string certificate_file;  // PEM, the client's with its chain
  std::string key_file;          // PEM
  std::string key = {};          // its text, if the file is a pipe, which can be read only once
  std::string server_name;       // sent to the server (SNI), and expected in its certificate
  bool insecure = false;         // accepts any certificate
};

}  // namespace dlock
