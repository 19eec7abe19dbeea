#include "redis/address.h"

#include "core/number.h"
#include "core/text.h"

#include <utility>

namespace dlock {
namespace {

constexpr int most_databases = 1'000'000;
constexpr int redis_port = 6379;
constexpr int sentinel_port = 26379;
/// The mistake in a URL, thrown inside this file only: a URL has many parts, each with its own
/// mistakes.
struct WrongUrl {
  std::string text;
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text, const char* what) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      throw WrongUrl{std::string{"has a % without two hex digits in its "} + what +
                     "; write %25 for a %"};
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

/// A part of a URL for an error message: the text before an @ can be a password.
std::string shown(std::string_view part) {
  const auto at = part.rfind('@');
  return at == part.npos ? printable(part) : "***" + printable(part.substr(at));
}

int database_in(std::string_view text) {
  const auto number = parse_number(text, 0, most_databases);
  if (!number) {
    throw WrongUrl{"has the invalid database '" + shown(text) +
                   "'; write a number from 0 on, as in redis://host:6379/0"};
  }
  return *number;
}

/// Removes `user:password@`, up to the @ at that position, from the start of `rest`. The password
/// is optional.
Login take_login(std::string_view& rest, std::size_t at) {
  if (at == rest.npos) return {};
  const std::string_view credentials = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  const auto colon = credentials.find(':');
  Login login{percent_decoded(credentials.substr(0, colon), "user"), {}};
  if (colon == credentials.npos) return login;
  login.password.text = percent_decoded(credentials.substr(colon + 1), "password");
  if (login.password.text.empty()) {
    throw WrongUrl{"has an empty password; write user:password@, or remove the part up to the @"};
  }
  return login;
}

/// Whether the text before a colon is an address rather than the user of a URL that lacks its @.
bool is_surely_a_host(std::string_view text) {
  return text == "localhost" || text.starts_with('[') ||
         (!text.empty() && text.find_first_not_of("0123456789.") == text.npos);
}

int port_in(std::string_view host, std::string_view text) {
  const auto port = parse_number(text, 1, 65535);
  if (port) return *port;
  const bool may_be_a_password = !is_surely_a_host(host) && !parse_number(text, 0, 999'999'999);
  throw WrongUrl{(may_be_a_password ? "has a port that is not a number"
                                    : "has the invalid port '" + printable(text) + "'") +
                 "; write a number from 1 to 65535"};
}

/// The IPv6 address with its zone: the % before the zone is %25 in a URL (RFC 6874), or bare.
std::string with_zone(std::string_view address) {
  const auto percent = address.find("%25");
  if (percent == address.npos || percent + 3 == address.size()) return std::string{address};
  return std::string{address.substr(0, percent + 1)} + std::string{address.substr(percent + 3)};
}

Endpoint endpoint_in(std::string_view text, int default_port) {
  const bool bracketed = text.starts_with('[');
  const auto host_end = bracketed ? text.find(']') : text.find(':');
  if (bracketed && host_end == text.npos)
    throw WrongUrl{"has a [ without its ]; write an IPv6 address as [::1]"};
  const std::string host =
      bracketed ? with_zone(text.substr(1, host_end - 1)) : std::string{text.substr(0, host_end)};
  const std::string_view after =
      host_end == text.npos ? "" : text.substr(host_end + (bracketed ? 1 : 0));
  if (host.empty()) throw WrongUrl{"names no host; write host:port"};
  Endpoint endpoint{.host = printable(host), .port = default_port};
  if (!after.empty()) {
    if (!after.starts_with(':')) throw WrongUrl{"has text after the ]; write [::1]:6379"};
    endpoint.port = port_in(text, after.substr(1));
  }
  return endpoint;
}

std::vector<Endpoint> endpoints_in(std::string_view text, int default_port) {
  std::vector<Endpoint> endpoints;
  for (;;) {
    const auto comma = text.find(',');
    endpoints.push_back(endpoint_in(text.substr(0, comma), default_port));
    if (comma == text.npos) return endpoints;
    text.remove_prefix(comma + 1);
  }
}

/// Removes the text after the first slash from the end.
std::string_view take_path(std::string_view& rest) {
  const auto slash = rest.find('/');
  if (slash == rest.npos) return {};
  const std::string_view path = rest.substr(slash + 1);
  rest = rest.substr(0, slash);
  return path;
}

/// Parses the common part of the TCP schemes, up to the hosts.
RedisAddress address_with_login(std::string_view& rest) {
  RedisAddress address;
  address.login = take_login(rest, rest.rfind('@'));  // the last @: a password can contain one
  if (rest.find_first_of("?#") != rest.npos)
    throw WrongUrl{"has an unsupported ? or # part; remove it"};
  return address;
}

RedisAddress parse_standalone(std::string_view rest) {
  RedisAddress address = address_with_login(rest);
  if (const auto database = take_path(rest); !database.empty())
    address.database = database_in(database);
  if (rest.find(',') != rest.npos) {
    throw WrongUrl{
        "names several hosts; write redis+sentinel://host,host/master or "
        "redis+cluster://host,host"};
  }
  address.endpoints = {endpoint_in(rest, redis_port)};
  return address;
}

/// Which of the two a `?tls=` at the end names, if there is one.
enum class TlsTo { TheScheme, Master, Sentinels };
TlsTo take_tls(std::string_view& rest) {
  const auto at = rest.rfind('@');
  const auto question = rest.rfind("?tls=");
  if (question == rest.npos || (at != rest.npos && question < at)) return TlsTo::TheScheme;
  const std::string_view which = rest.substr(question + 5);
  rest = rest.substr(0, question);
  if (which == "master") return TlsTo::Master;
  if (which == "sentinels") return TlsTo::Sentinels;
  throw WrongUrl{"has the unknown tls=" + printable(which) +
                 "; write ?tls=master or ?tls=sentinels, or rediss+sentinel:// for both"};
}

RedisAddress parse_sentinel(std::string_view rest) {
  const TlsTo tls_to = take_tls(rest);
  RedisAddress address = address_with_login(rest);
  address.deployment = Deployment::Sentinel;
  address.tls = tls_to == TlsTo::Master;
  address.sentinel_tls = tls_to == TlsTo::Sentinels;
  std::string_view path = take_path(rest);
  const auto slash = path.find('/');
  address.master = printable(path.substr(0, slash));
  if (address.master.empty()) {
    throw WrongUrl{
        "names no master; write redis+sentinel://host,host/name with the name that the Sentinels "
        "monitor"};
  }
  if (slash != path.npos && slash + 1 < path.size())
    address.database = database_in(path.substr(slash + 1));
  address.endpoints = endpoints_in(rest, sentinel_port);
  return address;
}

RedisAddress parse_cluster(std::string_view rest) {
  RedisAddress address = address_with_login(rest);
  address.deployment = Deployment::Cluster;
  if (const auto database = take_path(rest); !database.empty() && database_in(database) != 0)
    throw WrongUrl{"has a database, but a Redis Cluster has only 0; remove it"};
  address.endpoints = endpoints_in(rest, redis_port);
  return address;
}

RedisAddress parse_unix(std::string_view rest) {
  RedisAddress address;
  // A path can contain an @, too: the credentials end where the path begins. A password can contain
  // the text that names a database at the end.
  if (!rest.starts_with('/')) address.login = take_login(rest, rest.find("@/"));
  if (const auto question = rest.rfind("?db="); question != rest.npos) {
    address.database = database_in(rest.substr(question + 4));
    rest = rest.substr(0, question);
  }
  if (!rest.starts_with('/') || rest.size() < 2)
    throw WrongUrl{"names no absolute path; write unix:///run/redis/redis.sock"};
  constexpr std::size_t longest_socket_path = 107;
  if (rest.size() > longest_socket_path)
    throw WrongUrl{"has a path of more than 107 bytes, the limit of a unix socket"};
  address.endpoints = {{.socket_path = std::string{rest}}};
  return address;
}

/// Each scheme of Redis, and with another name of Valkey, without the s for TLS.
constexpr std::pair<std::string_view, RedisAddress (*)(std::string_view)> redis_schemes[] = {
    {"redis://", parse_standalone},
    {"redis+sentinel://", parse_sentinel},
    {"redis+cluster://", parse_cluster}};

std::optional<RedisAddress> parse(std::string_view text) {
  if (text.starts_with("unix://")) return parse_unix(text.substr(7));
  std::string_view rest = text;
  for (const std::string_view name : {"redis", "valkey"}) {
    if (!rest.starts_with(name)) continue;
    rest.remove_prefix(name.size());
    break;
  }
  if (rest.size() == text.size()) return {};
  const bool tls = rest.starts_with('s');
  if (tls) rest.remove_prefix(1);
  const std::string plain = "redis" + std::string{rest};
  for (const auto& [scheme, parse_rest] : redis_schemes) {
    if (!plain.starts_with(scheme)) continue;
    RedisAddress address = parse_rest(std::string_view{plain}.substr(scheme.size()));
    if (!address.uses_tls()) {
      address.tls = tls;
      address.sentinel_tls = tls && address.deployment == Deployment::Sentinel;
    }
    return address;
  }
  return {};
}

}  // namespace

std::string Endpoint::text() const {
  if (!socket_path.empty()) return printable(socket_path);
  return (host.find(':') == host.npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

std::string RedisAddress::name() const {
  const std::string db = database == 0 ? "" : std::to_string(database);
  if (!endpoints.front().socket_path.empty())
    return "unix://" + endpoints.front().text() + (db.empty() ? "" : "?db=" + db);
  std::string hosts;
  for (const Endpoint& endpoint : endpoints) hosts += (hosts.empty() ? "" : ",") + endpoint.text();
  const bool all_tls = tls && (deployment != Deployment::Sentinel || sentinel_tls);
  const std::string scheme = all_tls ? "rediss" : "redis";
  const char* const tls_to = all_tls || !uses_tls() ? "" : tls ? "?tls=master" : "?tls=sentinels";
  const std::string path = db.empty() ? "" : "/" + db;
  switch (deployment) {
    case Deployment::Sentinel:
      return scheme + "+sentinel://" + hosts + "/" + master + path + tls_to;
    case Deployment::Cluster:
      return scheme + "+cluster://" + hosts;
    case Deployment::Standalone:
      break;
  }
  return scheme + "://" + hosts + path;
}

Result<std::optional<RedisAddress>, std::string> parse_redis_address(std::string_view text) {
  try {
    return parse(text);
  } catch (const WrongUrl& wrong) {
    return wrong.text;
  }
}

// A malformed URL can have its password in the wrong place. So everything between the scheme and
// the last @ is hidden and, without an @, the text after a colon that follows a possible user.
std::string shown_url(std::string_view text) {
  const auto at = text.rfind('@');
  if (at != text.npos) return printable(text.substr(0, text.find(':'))) + "://" + shown(text);
  const auto scheme_end = text.find("://");
  if (scheme_end == text.npos) return printable(text);
  const std::string_view authority = text.substr(scheme_end + 3);
  const auto colon = authority.find(':');
  if (colon == authority.npos || is_surely_a_host(authority.substr(0, colon)))
    return printable(text);
  return printable(text.substr(0, scheme_end + 3 + colon + 1)) + "***";
}

}  // namespace dlock
