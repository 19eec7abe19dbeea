// The formats that the stores read and write, without a store.
#include "redis/faults.h"
#include "redis/resp.h"
#include "store/address.h"
#include "store/lock_json.h"

#include <doctest/doctest.h>

using namespace dlock;
using namespace std::chrono_literals;

namespace {

RedisAddress redis_at(const char* url) { return std::get<RedisAddress>(*parse_store_address(url)); }

Claim some_claim() {
  return {.key = *LockKey::parse("backup"),
          .terms = {10s, 5min},
          .process = {"web1/17.4711"},
          .host = "web1",
          .pid = 17,
          .user = "root",
          .command = "rsync -a \xFF",
          .trace = {},
          .note = {}};
}

}  // namespace

TEST_CASE("a store address is local, a Redis over TCP or a Redis over a unix socket") {
  CHECK(std::get<LocalAddress>(*parse_store_address("local")).directory.empty());
  CHECK(std::get<LocalAddress>(*parse_store_address("local:/var/locks")).directory == "/var/locks");
  CHECK(redis_at("redis://h").endpoints[0].port == 6379);
  CHECK(redis_at("redis://h:7000/3").database == 3);
  CHECK(redis_at("redis://[::1]:7000").endpoints[0].host == "::1");
  CHECK(redis_at("redis://[fe80::1%25eth0]:7000").endpoints[0].host == "fe80::1%eth0");
  CHECK(redis_at("redis://[fe80::1%eth0]").endpoints[0].host == "fe80::1%eth0");
  CHECK(redis_at("redis://[fe80::1%25]").endpoints[0].host == "fe80::1%25");
  CHECK(redis_at("redis://u:p%40%3A@h").login.password.text == "p@:");
  CHECK(redis_at("redis://:p@w/d@h:1").login.password.text == "p@w/d");
  CHECK(redis_at("unix:///run/redis.sock?db=2").endpoints[0].socket_path == "/run/redis.sock");
  CHECK(redis_at("unix:///run/redis.sock?db=2").database == 2);
  CHECK(redis_at("unix://u:p@/run/redis@x.sock").login.password.text == "p");
}

TEST_CASE("Sentinels and a Cluster are addressed by several hosts, and TLS by one letter") {
  const RedisAddress sentinel = redis_at("redis+sentinel://u:p@h1,[::1]:7000/main/3");
  CHECK(sentinel.deployment == Deployment::Sentinel);
  CHECK(sentinel.master == "main");
  CHECK(sentinel.database == 3);
  CHECK(sentinel.login.user == "u");
  CHECK(sentinel.endpoints == std::vector<Endpoint>{{"h1", 26379, ""}, {"::1", 7000, ""}});
  CHECK(sentinel.name() == "redis+sentinel://h1:26379,[::1]:7000/main/3");

  const RedisAddress cluster = redis_at("rediss+cluster://h1:7000,h2");
  CHECK(cluster.deployment == Deployment::Cluster);
  CHECK(cluster.tls);
  CHECK(cluster.endpoints == std::vector<Endpoint>{{"h1", 7000, ""}, {"h2", 6379, ""}});
  CHECK(cluster.name() == "rediss+cluster://h1:7000,h2:6379");
  CHECK(redis_at("rediss://h").name() == "rediss://h:6379");
  const RedisAddress both = redis_at("rediss+sentinel://h/main");
  CHECK((both.tls && both.sentinel_tls));
  CHECK(both.name() == "rediss+sentinel://h:26379/main");
  for (const char* scheme : {"redis", "rediss", "valkeys"}) {
    const std::string url = scheme + std::string{"+sentinel://u:p?tls=x@h/main/3?tls="};
    const RedisAddress master = redis_at((url + "master").c_str());
    CHECK((master.tls && !master.sentinel_tls));
    CHECK(master.login.password.text == "p?tls=x");
    CHECK(master.name() == "redis+sentinel://h:26379/main/3?tls=master");
    const RedisAddress sentinels = redis_at((url + "sentinels").c_str());
    CHECK((!sentinels.tls && sentinels.sentinel_tls));
    CHECK(sentinels.name() == "redis+sentinel://h:26379/main/3?tls=sentinels");
  }
  CHECK(redis_at("valkey://u:p@h/3").name() == "redis://h:6379/3");
  CHECK(redis_at("valkeys://h").name() == "rediss://h:6379");
  CHECK(redis_at("valkey+sentinel://h/main").deployment == Deployment::Sentinel);
  CHECK(redis_at("valkeys+cluster://h").name() == "rediss+cluster://h:6379");
}

TEST_CASE("the displayed name of a store contains no user and no password") {
  CHECK(redis_at("redis://u:geheim@h:7000/3").name() == "redis://h:7000/3");
  CHECK(redis_at("redis://[::1]").name() == "redis://[::1]:6379");
  CHECK(redis_at("unix://u:geheim@/run/r.sock").name() == "unix:///run/r.sock");
  CHECK(redis_at("unix://u:p?db=geheim@/run/r.sock").name() == "unix:///run/r.sock");
}

TEST_CASE("an invalid store address is refused with the correct form, and no secret is shown") {
  struct {
    const char* url;
    const char* says;
  } bad[] = {
      {"", "is empty"},
      {"etcd://h", "is not a supported store"},
      {"rediss:/u:geheim@h", "is not a supported store"},
      {"redis://u:geheim@h:0", "port '0'"},
      {"redis://u:geheim@h:70000", "port '70000'"},
      {"redis://u:geheim@h:http", "a port that is not a number"},
      {"redis://:geheim", "names no host"},
      {"redis://u:geheim", "a port that is not a number"},
      {"redis://u:geheim@h/db", "database 'db'"},
      {"redis://u:geheim@h/-1", "database '-1'"},
      {"redis://u:geheim@", "names no host"},
      {"redis://u:@h", "empty password"},
      {"redis://u:gehe%im@h", "two hex digits"},
      {"redis://h?x=1", "? or #"},
      {"redis://u:geheim@h1,h2", "names several hosts"},
      {"redis+sentinel://u:geheim@h1,h2", "names no master"},
      {"redis+sentinel://u:geheim@h1,h2:0/m", "port '0'"},
      {"redis+sentinel://u:geheim@h1,/m", "names no host"},
      {"redis+sentinel://u:geheim@h1/m/x", "database 'x'"},
      {"redis+cluster://u:geheim@h1/1", "has only 0"},
      {"redis+cluster://", "names no host"},
      {"rediss+ring://u:geheim@h1", "is not a supported store"},
      {"redis://[::1", "without its ]"},
      {"unix://run/redis.sock", "names no absolute path"},
      {"unix:///r.sock?db=x", "database 'x'"},
      {"unix://u:p?db=geheim@/r.sock?db=x", "database 'x'"},
      {"unix:///r.sock?db=redis://u:geheim@h", "database '***@h'"},
      {"unix:///01234567890123456789012345678901234567890123456789012345678901234567890123456789"
       "0123456789012345678901234567",
       "more than 107 bytes"},
      {"local:locks", "names no absolute directory"}};
  for (const auto& [url, says] : bad) {
    CAPTURE(url);
    const auto parsed = parse_store_address(url);
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.error().find(says) != std::string::npos);
    CHECK(parsed.error().find("gehe") == std::string::npos);
  }
}

TEST_CASE("a lock is written in the fields of the Node library and parsed back") {
  const OwnerHash owner{"backup@web1/17.4711.1"};
  const std::string text = lock_json(some_claim(), owner, "2026-01-31T02:00:00.000Z",
                                     "2026-01-31T02:01:00.000Z", FencingToken{1795475728681791});
  CHECK(text.starts_with(
      R"({"ownerHash":"backup@web1/17.4711.1","processHash":"web1/17.4711","acquiredAt":"2026-01-31T02:00:00.000Z","extendedAt":"2026-01-31T02:01:00.000Z",)"));
  const auto holder = parse_lock_json(text);
  REQUIRE(holder);
  CHECK(holder->owner == owner);
  CHECK(holder->token.value == 1795475728681791);
  CHECK(holder->pid == 17);
}

TEST_CASE("without a token the value is left open for the script to complete") {
  const std::string text = lock_json(some_claim(), {"o"}, "t", "t", {});
  CHECK(parse_lock_json(text + ",\"token\":7}")->token.value == 7);
}

TEST_CASE("a value that is not a lock is not parsed as one") {
  for (const char* text : {"", "hello", "7", "[]", "{}", R"({"ownerHash":"a"})",
                           R"({"ownerHash":1,"processHash":"b"})", "{\"a\":"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_lock_json(text).has_value());
  }
  CHECK(parse_lock_json(R"({"ownerHash":"a","processHash":"b","pid":"x","token":-1})")->pid == 0);
}

TEST_CASE("every error reply of Redis is recognized, with its own sentence and exit code") {
  struct {
    const char* error;
    ExitCode code;
    const char* says;
  } replies[] = {
      {"NOAUTH Authentication required.", ExitCode::StoreRefused, "requires a password"},
      {"ERR Protocol error: unauthenticated multibulk length", ExitCode::StoreRefused,
       "requires a password"},
      {"WRONGPASS invalid username-password pair", ExitCode::StoreRefused,
       "rejected the user or the password"},
      {"NOPERM this user has no permissions to run the 'eval' command", ExitCode::StoreRefused,
       "denies this user a right that dlock needs"},
      {"ERR The user executing the script can't run this command or subcommand script: 5, on "
       "@user_script:1.",
       ExitCode::StoreRefused, "scripts need"},
      {"ERR ACL failure in script: User jobs has no permissions to run the 'hset' command script: "
       "5",
       ExitCode::StoreRefused, "scripts need"},
      {"NOPERM ACL failure in script: User jobs has no permissions to run the 'hset' command",
       ExitCode::StoreRefused, "a right that dlock needs"},
      {"DENIED Redis is running in protected mode", ExitCode::StoreRefused, "protected mode"},
      {"LOADING Redis is loading the dataset in memory", ExitCode::StoreUnavailable,
       "still loading"},
      {"BUSY Redis is busy running a script.", ExitCode::StoreUnavailable, "busy with a script"},
      {"READONLY You can't write against a read only replica.", ExitCode::StoreUnavailable,
       "is a replica and accepts no writes"},
      {"MASTERDOWN Link with MASTER is down", ExitCode::StoreUnavailable, "lost its master"},
      {"OOM command not allowed when used memory > 'maxmemory'.", ExitCode::StoreUnavailable,
       "out of memory"},
      {"ERR Error running script (call to f_1): @user_script:9: OOM command not allowed",
       ExitCode::StoreUnavailable, "out of memory"},
      {"ERR Error running script (call to f_1): @user_script: 9: -READONLY You can't write against "
       "a read only slave. ",
       ExitCode::StoreUnavailable, "is a replica and accepts no writes"},
      {"UNBLOCKED force unblock from blocking operation, instance state changed",
       ExitCode::StoreUnavailable, "became a replica"},
      {"MISCONF Redis is configured to save RDB snapshots", ExitCode::StoreUnavailable,
       "cannot save to disk"},
      {"NOREPLICAS Not enough good replicas to write.", ExitCode::StoreUnavailable,
       "too few replicas"},
      {"NOSCRIPT No matching script.", ExitCode::StoreUnavailable, "does not have a script"},
      {"MOVED 3999 127.0.0.1:6381", ExitCode::Configuration, "Redis Cluster"},
      {"ASK 3999 127.0.0.1:6381", ExitCode::Configuration, "Redis Cluster"},
      {"CLUSTERDOWN The cluster is down", ExitCode::StoreUnavailable, "Cluster is down"},
      {"TRYAGAIN Multiple keys request during rehashing of slot", ExitCode::StoreUnavailable,
       "moving the slot"},
      {"WRONGTYPE Operation against a key holding the wrong kind of value", ExitCode::Configuration,
       "a key of another type under the name"},
      {"ERR DB index is out of range", ExitCode::Configuration, "no database of that number"},
      {"ERR max number of clients reached", ExitCode::StoreUnavailable, "no more connections"},
      {"ERR unknown command 'EVALSHA', with args", ExitCode::Configuration, "lacks a command"},
      {"unsupported command", ExitCode::Configuration, "a proxy"},
      {"ERR Unknown Redis command called from script script: 5, on @user_script:1.",
       ExitCode::Configuration, "dlock's scripts need"},
      {"ERR Error running script (call to f_1): @user_script:9: @user_script: 9: Unknown Redis "
       "command called from Lua script ",
       ExitCode::Configuration, "dlock's scripts need"},
      {"ERR This Redis command is not allowed from script script: 5", ExitCode::Configuration,
       "does not let scripts run"},
      {"ERR Script attempted to access a non local key in a cluster node script: 5",
       ExitCode::StoreUnavailable, "moving the slot"},
      {"ERR Error running script (call to f_1): @user_script: 9: Lua script attempted to access a "
       "non local key in a cluster node",
       ExitCode::StoreUnavailable, "moving the slot"},
      {"ERR Script attempted to access a slot not served script: 5", ExitCode::StoreUnavailable,
       "Cluster is down"},
      {"ERR Script attempted execute a command while the cluster is down script: 5",
       ExitCode::StoreUnavailable, "Cluster is down"},
      {"ERR Script attempted to access keys that do not hash to the same slot",
       ExitCode::Configuration, "redis+cluster://"},
      {"ERR something new", ExitCode::StoreUnavailable, "an unknown error"},
  };
  std::vector<std::string> sentences;
  for (const auto& [error, code, says] : replies) {
    CAPTURE(error);
    const StoreFault fault = redis::error_reply("redis://h:1", error);
    CHECK(fault.exit_code == code);
    CHECK(fault.sentence.find(says) != std::string::npos);
    CHECK(fault.sentence.starts_with("redis://h:1 "));
  }
}

TEST_CASE("errors of a server that is not the one to ask are recognized") {
  for (const char* error :
       {"READONLY You can't write against a read only replica.",
        "ERR Error running script (call to f_1): @user_script: 9: -READONLY You can't write "
        "against "
        "a read only slave. ",
        "MASTERDOWN Link with MASTER is down", "CLUSTERDOWN The cluster is down",
        "LOADING Redis is loading the dataset in memory",
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> "
        "replica?)",
        "ERR WAIT cannot be used with replica instances.",
        "NOREPLICAS Not enough good replicas to write."}) {
    CAPTURE(error);
    CHECK(redis::is_wrong_server(error));
  }
  for (const char* error : {"NOAUTH Authentication required.", "OOM command not allowed",
                            "BUSY Redis is busy running a script.", "ERR unknown command", ""}) {
    CAPTURE(error);
    CHECK_FALSE(redis::is_wrong_server(error));
  }
}

TEST_CASE("a reply is complete only with its last byte, and a protocol error is recognized") {
  redis::ReplyReader reader;
  const std::string bytes = "*3\r\n$2\r\nOK\r\n:42\r\n$-1\r\n";
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    reader.feed(&bytes[i], 1);
    const auto reply = reader.next();
    REQUIRE(reply.ok());
    CHECK_FALSE(reply->has_value());
  }
  reader.feed(&bytes.back(), 1);
  const auto reply = reader.next();
  REQUIRE(reply.ok());
  REQUIRE(reply->has_value());
  CHECK((*reply)->text_at(0) == "OK");
  CHECK((*reply)->integer_at(1) == 42);
  CHECK((*reply)->text_at(7).empty());

  redis::ReplyReader web;
  web.feed("HTTP/1.1 400 Bad Request\r\n", 26);
  CHECK_FALSE(web.next().ok());
}

TEST_CASE("a deeply nested value does not exhaust the stack, and the fields beside it are parsed") {
  const std::string deep(500'000, '[');
  const auto holder = parse_lock_json(R"({"ownerHash":"k@h/1.2.3","more":)" + deep +
                                      std::string(500'000, ']') + R"(,"processHash":"h/1.2"})");
  REQUIRE(holder);
  CHECK(holder->process.text == "h/1.2");
  CHECK_FALSE(parse_lock_json(R"({"ownerHash":"k@h/1.2.3","processHash":"h/1.2","more":)" + deep));
  CHECK_FALSE(parse_lock_json(deep));
}
