#include "redis/faults.h"

#include "core/duration.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace dlock::redis {
namespace {

/// One kind of error reply. `sign` is the reply's first word, or a part of its text if Redis has no
/// word for it; `remedy` completes the sentence that begins with the server's name.
struct Kind {
  std::string_view sign;
  ExitCode exit_code;
  bool worth_retrying;
  std::string_view remedy;
};

// The first match counts. 69: retry later. 77: the server refused the access. 78: dlock is
// configured for the wrong server or key.
constexpr std::array<Kind, 40> kinds{{
    {"NOAUTH", ExitCode::StoreRefused, false,
     "requires a password; give it by --password-file or REDISCLI_AUTH, and the user in the URL"},
    // The reply of Redis to a long command of a client that has not logged in.
    {"unauthenticated", ExitCode::StoreRefused, false,
     "requires a password; give it by --password-file or REDISCLI_AUTH, and the user in the URL"},
    {"WRONGPASS", ExitCode::StoreRefused, false,
     "rejected the user or the password; check the password file or command, REDISCLI_AUTH and the "
     "URL"},
    {"invalid password", ExitCode::StoreRefused, false,
     "rejected the password; check the password file or command, REDISCLI_AUTH and the URL"},
    {"without any password configured", ExitCode::StoreRefused, false,
     "has no password set for this user; remove the password from the URL, or set one on the "
     "server"},
    {"NOPERM", ExitCode::StoreRefused, false,
     "denies this user a right that dlock needs; see ACL in dlock(1) for the least rights"},
    {"ACL failure in script", ExitCode::StoreRefused, false,
     "denies this user a right that dlock's scripts need; see ACL in dlock(1) for the least "
     "rights"},
    {"can't run this command", ExitCode::StoreRefused, false,
     "denies this user a command that dlock's scripts need; see ACL in dlock(1) for the least "
     "rights"},
    {"can't access at least one of the keys", ExitCode::StoreRefused, false,
     "denies this user the keys of the lock; see ACL in dlock(1) for the least rights"},
    {"DENIED", ExitCode::StoreRefused, false,
     "is in protected mode and accepts no connection from here; give it a password or bind it to "
     "this network"},
    {"LOADING", ExitCode::StoreUnavailable, false,
     "is still loading its data; try again when it has finished"},
    {"BUSY", ExitCode::StoreUnavailable, false,
     "is busy with a script; try again, or end that script with SCRIPT KILL"},
    {"READONLY", ExitCode::StoreUnavailable, false,
     "is a replica and accepts no writes; name the master"},
    {"MASTERDOWN", ExitCode::StoreUnavailable, false,
     "is a replica that has lost its master; name the master"},
    {"UNBLOCKED", ExitCode::StoreUnavailable, true,
     "became a replica during the request; a failover may be in progress"},
    {"WAIT cannot be used with replica", ExitCode::StoreUnavailable, true,
     "is a replica, although it accepts writes; name the master"},
    {"OOM", ExitCode::StoreUnavailable, false,
     "is out of memory; raise its maxmemory or free memory"},
    {"MISCONF", ExitCode::StoreUnavailable, false,
     "refuses writes because it cannot save to disk; see its log, and fix the disk"},
    {"NOREPLICAS", ExitCode::StoreUnavailable, false,
     "refuses writes because too few replicas are connected (min-replicas-to-write)"},
    {"NOSCRIPT", ExitCode::StoreUnavailable, false,
     "does not have a script that was just sent; is a proxy in between?"},
    {"MOVED", ExitCode::Configuration, false,
     "is a node of a Redis Cluster; write redis+cluster://host:port"},
    {"ASK", ExitCode::Configuration, false,
     "is a node of a Redis Cluster; write redis+cluster://host:port"},
    {"CROSSSLOT", ExitCode::Configuration, false,
     "is a node of a Redis Cluster; write redis+cluster://host:port"},
    {"cluster support disabled", ExitCode::Configuration, false,
     "is not a node of a Redis Cluster; write redis://host:port"},
    {"CLUSTERDOWN", ExitCode::StoreUnavailable, true,
     "reports that its Cluster is down; see CLUSTER INFO, and whether a failover is in progress"},
    {"TRYAGAIN", ExitCode::StoreUnavailable, true,
     "is moving the slot of the lock to another node; try again when it has finished"},
    {"WRONGTYPE", ExitCode::Configuration, false,
     "has a key of another type under the name of the lock; choose another --key or --prefix"},
    {"DB index is out of range", ExitCode::Configuration, false,
     "has no database of that number; choose a smaller one in the URL, or raise `databases` on the "
     "server"},
    {"SELECT is not allowed in cluster mode", ExitCode::Configuration, false,
     "is a node of a Redis Cluster; write redis+cluster://host:port"},
    {"max number of clients reached", ExitCode::StoreUnavailable, false,
     "accepts no more connections; raise its maxclients, or try again later"},
    {"unknown command", ExitCode::Configuration, false,
     "lacks a command that dlock needs; use Redis 5 or later or Valkey, without renamed commands, "
     "or redis+sentinel://host:port/master for a Sentinel"},
    {"unsupported command", ExitCode::Configuration, false,
     "is a proxy that does not forward a command that dlock needs; name the Redis behind it"},
    {"command called from", ExitCode::Configuration, false,
     "lacks a command that dlock's scripts need; use Redis 5 or later or Valkey, without renamed "
     "commands"},
    {"not allowed from script", ExitCode::Configuration, false,
     "does not let scripts run a command that dlock needs; use Redis 5 or later or Valkey"},
    // The slot began to migrate, or moved to another node, between two commands of a script.
    {"attempted to access a non local key", ExitCode::StoreUnavailable, true,
     "is moving the slot of the lock to another node; try again when it has finished"},
    {"attempted to access a slot not served", ExitCode::StoreUnavailable, true,
     "reports that its Cluster is down; see CLUSTER INFO, and whether a failover is in progress"},
    {"while the cluster is down", ExitCode::StoreUnavailable, true,
     "reports that its Cluster is down; see CLUSTER INFO, and whether a failover is in progress"},
    {"do not hash to the same slot", ExitCode::Configuration, false,
     "is a node of a Redis Cluster; write redis+cluster://host:port"},
    {"Error running script", ExitCode::StoreUnavailable, true,
     "could not finish dlock's script; see the server's log"},
    {"", ExitCode::StoreUnavailable, true, "replied with an unknown error"},
}};

bool is_word(std::string_view sign) {
  return sign.find_first_of(" abcdefghijklmnopqrstuvwxyz") == sign.npos;
}

/// A word must be at the start, or inside where an old Redis wraps the error of a script's call;
/// some of these errors have the - of the protocol in front.
bool has_sign(std::string_view error, std::string_view sign) {
  if (sign.empty()) return true;
  if (!is_word(sign)) return error.find(sign) != error.npos;
  if (error.starts_with(sign) && (error.size() == sign.size() || error[sign.size()] == ' '))
    return true;
  if (!error.starts_with("ERR ")) return false;
  const std::string word{sign};
  return error.find(": " + word + " ") != error.npos ||
         error.find(": -" + word + " ") != error.npos;
}

}  // namespace

StoreFault unreachable(const std::string& server, const std::string& why) {
  return {.sentence = server + " cannot be reached: " + why, .not_applied = true};
}

StoreFault timed_out(const std::string& server, Duration timeout) {
  // Earlier steps, such as connecting, can have used all of the time.
  const bool any = timeout > Duration::zero();
  return {
      .sentence = server + " did not answer " + (any ? "within " + to_text(timeout) : "in time"),
      .worth_retrying = true};
}

StoreFault connection_broke(const std::string& server, const std::string& why) {
  return {.sentence = "the connection to " + server + " broke: " + why,
          .worth_retrying = true,
          .connection_ended = true};
}

StoreFault broken(const std::string& server, const std::string& why,
                  std::optional<ExitCode> refusal) {
  if (!refusal) return connection_broke(server, why);
  return {.exit_code = *refusal, .sentence = server + " cannot be used: " + why};
}

StoreFault closed_without_reply(const std::string& server, const std::string& why) {
  return connection_broke(server, why + " before its first reply; does it require TLS (rediss)?");
}

StoreFault no_tls_handshake(const std::string& server) {
  return {.sentence =
              server + " did not answer the TLS handshake in time; does it speak TLS on this port?",
          .not_applied = true,
          .worth_retrying = true};
}

StoreFault misconfigured(const std::string& why) {
  return {.exit_code = ExitCode::Configuration, .sentence = why, .not_applied = true};
}

StoreFault cancelled(const std::string& server) {
  return {.sentence = "the request to " + server + " was cancelled"};
}

StoreFault not_redis(const std::string& server) {
  return {.exit_code = ExitCode::Configuration,
          .sentence = server + " does not speak the Redis protocol; check host and port"};
}

StoreFault speaks_tls(const std::string& server) {
  return {.exit_code = ExitCode::Configuration,
          .sentence = server + " speaks TLS; write rediss instead of redis"};
}

StoreFault no_sentinel(const std::string& server) {
  return {.exit_code = ExitCode::Configuration,
          .sentence = server +
                      " is not a Sentinel; name the Sentinels' ports (default: 26379), or write "
                      "redis://host:port if there are none",
          .not_applied = true};
}

StoreFault unknown_master(const std::string& sentinel, const std::string& master) {
  return {.exit_code = ExitCode::Configuration,
          .sentence = "the Sentinel " + sentinel + " knows no master '" + master +
                      "'; SENTINEL MASTERS lists those that it knows",
          .not_applied = true};
}

StoreFault error_reply(const std::string& server, const std::string& error) {
  for (const Kind& kind : kinds) {
    if (!has_sign(error, kind.sign)) continue;
    return {.exit_code = kind.exit_code,
            .sentence =
                server + " " + std::string{kind.remedy} + " (reply: " + excerpt(error, 120) + ")",
            .not_applied = !kind.worth_retrying,
            .worth_retrying = kind.worth_retrying};
  }
  return {};
}

bool is_wrong_server(const std::string& error) {
  constexpr std::array<std::string_view, 9> signs{
      "READONLY",
      "MASTERDOWN",
      "CLUSTERDOWN",
      "while the cluster is down",
      "attempted to access a slot not served",
      "LOADING",
      "UNBLOCKED",  // of a WAIT, by a master that has just become a replica
      "WAIT cannot be used with replica",
      "NOREPLICAS"};  // a master that lost its replicas; there may be a new master by now
  return std::any_of(signs.begin(), signs.end(),
                     [&](std::string_view sign) { return has_sign(error, sign); });
}

bool is_wrong_type(const std::string& error) { return has_sign(error, "WRONGTYPE"); }

}  // namespace dlock::redis
