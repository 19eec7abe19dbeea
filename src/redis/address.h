#pragma once

#include "core/result.h"
#include "redis/password.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dlock {

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

/// Reads `redis://[user[:password]@]host[:port][/db]`, `unix://[user[:password]@]/path` with
/// `?db=N`, `redis+sentinel://[user[:password]@]host[:port],.../master[/db]` (behind which
/// `?tls=master` or
/// `?tls=sentinels` means TLS to these alone), `redis+cluster://[user[:password]@]host[:port],...`,
/// each of the TCP ones as `rediss...` for TLS and `valkey...` for `redis...`. User and password
/// may be percent-encoded.
///
/// Nothing when it is no URL of a Redis. The error is what comes after the URL in a message.
Result<std::optional<RedisAddress>, std::string> parse_redis_address(std::string_view text);

/// Such a URL as a message may show it: without its secrets, also if it is malformed.
std::string shown_url(std::string_view text);

/// What a TLS connection is checked against. Empty texts: the system's CAs, no certificate of our
/// own, the name of the host.
struct TlsOptions {
  std::string ca_file;           // PEM
  std::string certificate_file;  // PEM, the client's with its chain
  std::string key_file;          // PEM
  std::string server_name;       // sent to the server (SNI), and expected in its certificate
  bool insecure = false;         // takes any certificate
};

}  // namespace dlock
