#include "store/address.h"

#include "core/text.h"

#include <charconv>
#include <optional>

namespace dlock {
namespace {

constexpr int most_databases = 1'000'000;

/// What is wrong, thrown inside this file only: a URL has many parts, each with its own complaint.
struct Complaint {
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
      throw Complaint{std::string{"has a % in its "} + what +
                      " that two hex digits do not follow: write %25 for a %"};
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::optional<int> number_in(std::string_view text, int least, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
  if (value < least || value > most) return {};
  return value;
}

int database_in(std::string_view text) {
  const auto number = number_in(text, 0, most_databases);
  if (!number) {
    throw Complaint{"has the database '" + printable(text) +
                    "': it is a number from 0 on, as in redis://host:6379/0"};
  }
  return *number;
}

/// Takes `user:password@` off the front of `rest`, up to the @ at that place.
void take_credentials(std::string_view& rest, std::size_t at, RedisAddress& address) {
  if (at == rest.npos) return;
  const std::string_view credentials = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  const auto colon = credentials.find(':');
  if (colon == credentials.npos) {
    throw Complaint{
        "has a user but no password: write user:password@ or, without a user, :password@"};
  }
  address.user = percent_decoded(credentials.substr(0, colon), "user");
  address.password = percent_decoded(credentials.substr(colon + 1), "password");
  if (address.password.empty())
    throw Complaint{
        "has an empty password: write user:password@, or leave out the part up to the @"};
}

/// Whether what stands before a colon is an address rather than the user of a URL without its @.
bool is_surely_a_host(std::string_view text) {
  return text == "localhost" || text.starts_with('[') ||
         (!text.empty() && text.find_first_not_of("0123456789.") == text.npos);
}

void take_port(std::string_view host, std::string_view text, RedisAddress& address) {
  const auto port = number_in(text, 1, 65535);
  if (!port) {
    const bool may_be_a_password = !is_surely_a_host(host) && !number_in(text, 0, 999'999'999);
    throw Complaint{(may_be_a_password ? "has a port that is no number"
                                       : "has the port '" + printable(text) + "'") +
                    ": write a number from 1 to 65535"};
  }
  address.port = *port;
}

RedisAddress parse_redis(std::string_view rest) {
  RedisAddress address;
  take_credentials(rest, rest.rfind('@'), address);  // the last one, for a password may hold some
  if (rest.find_first_of("?#") != rest.npos) {
    throw Complaint{"has a ? or # part, which dlock does not know: write redis://host:port/db"};
  }
  if (const auto slash = rest.find('/'); slash != rest.npos) {
    if (const auto database = rest.substr(slash + 1); !database.empty())
      address.database = database_in(database);
    rest = rest.substr(0, slash);
  }
  const bool bracketed = rest.starts_with('[');
  const auto host_end = bracketed ? rest.find(']') : rest.find(':');
  if (bracketed && host_end == rest.npos)
    throw Complaint{"has a [ without its ]: write an IPv6 address as [::1]"};
  const std::string_view host = bracketed ? rest.substr(1, host_end - 1) : rest.substr(0, host_end);
  std::string_view after = host_end == rest.npos ? "" : rest.substr(host_end + (bracketed ? 1 : 0));
  if (host.empty()) throw Complaint{"names no host: write redis://host:port/db"};
  if (!after.empty()) {
    if (!after.starts_with(':')) throw Complaint{"has text after the ]: write redis://[::1]:6379"};
    take_port(rest, after.substr(1), address);
  }
  address.host = printable(host);
  return address;
}

RedisAddress parse_unix(std::string_view rest) {
  RedisAddress address;
  if (const auto question = rest.rfind("?db="); question != rest.npos) {
    address.database = database_in(rest.substr(question + 4));
    rest = rest.substr(0, question);
  }
  // A path may hold an @ as well: credentials end where the path begins.
  if (!rest.starts_with('/')) take_credentials(rest, rest.find("@/"), address);
  if (!rest.starts_with('/') || rest.size() < 2) {
    throw Complaint{"names no absolute path: write unix:///run/redis/redis.sock"};
  }
  constexpr std::size_t longest_socket_path = 107;
  if (rest.size() > longest_socket_path)
    throw Complaint{"has a path of more than 107 bytes, which no unix socket can have"};
  address.socket_path = rest;
  return address;
}

LocalAddress parse_local(std::string_view directory) {
  if (!directory.starts_with('/'))
    throw Complaint{"names no absolute directory: write local:/var/lib/locks, or just local"};
  return {std::string{directory}};
}

/// The URL as an error may show it. A malformed one may hide its password where none belongs: so
/// all between the scheme and the last @ goes and, without an @, what follows the colon behind a
/// word that could be a user.
std::string without_secrets(std::string_view text) {
  const auto at = text.rfind('@');
  if (at != text.npos) {
    return printable(std::string{text.substr(0, text.find(':'))} + "://***" +
                     std::string{text.substr(at)});
  }
  const auto scheme_end = text.find("://");
  if (scheme_end == text.npos) return printable(text);
  const std::string_view authority = text.substr(scheme_end + 3);
  const auto colon = authority.find(':');
  if (colon == authority.npos || is_surely_a_host(authority.substr(0, colon)))
    return printable(text);
  return printable(text.substr(0, scheme_end + 3 + colon + 1)) + "***";
}

}  // namespace

std::string RedisAddress::name() const {
  const std::string db = database == 0 ? "" : std::to_string(database);
  if (!socket_path.empty())
    return "unix://" + printable(socket_path) + (db.empty() ? "" : "?db=" + db);
  const std::string shown = host.find(':') == host.npos ? host : "[" + host + "]";
  return "redis://" + shown + ":" + std::to_string(port) + (db.empty() ? "" : "/" + db);
}

Result<StoreAddress, std::string> parse_store_address(std::string_view text) {
  try {
    if (text.empty())
      throw Complaint{"is empty: write local, redis://host:port/db or unix:///path"};
    if (text == "local") return StoreAddress{LocalAddress{}};
    if (text.starts_with("local:")) return StoreAddress{parse_local(text.substr(6))};
    if (text.starts_with("redis://")) return StoreAddress{parse_redis(text.substr(8))};
    if (text.starts_with("unix://")) return StoreAddress{parse_unix(text.substr(7))};
    throw Complaint{
        "is of no kind that dlock knows: write local, redis://host:port/db or unix:///path"};
  } catch (const Complaint& complaint) {
    return text.empty() ? complaint.text : "'" + without_secrets(text) + "' " + complaint.text;
  }
}

}  // namespace dlock
