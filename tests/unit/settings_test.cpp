// Which source of a setting counts, and which settings are mutually exclusive.
#include "cli/args.h"
#include "cli/command_line.h"
#include "cli/variables.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace dlock;
using namespace dlock::cli;
using namespace std::chrono_literals;

namespace {

using Flags = std::vector<std::string>;

/// A file that only its owner can access, in its own directory.
class OwnFile {
 public:
  explicit OwnFile(const std::string& text) {
    std::string pattern = std::filesystem::temp_directory_path() / "dlock-unit-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    std::ofstream{path()} << text;
    REQUIRE(::chmod(path().c_str(), 0600) == 0);
  }
  ~OwnFile() { std::filesystem::remove_all(directory_); }
  OwnFile(const OwnFile&) = delete;
  OwnFile& operator=(const OwnFile&) = delete;
  std::string path() const { return directory_ + "/file"; }

 private:
  std::string directory_;
};

Parsed parse_run(const Flags& options, Environment environment) {
  if (environment.default_config == "/etc/dlock.toml") environment.default_config = "";
  CommandLine line{.ours = {"run", "--key", "k"}, .job = {"cmd"}, .has_dashes = true};
  line.ours.insert(line.ours.end(), options.begin(), options.end());
  return parse(line, environment);
}

supervise::RunOptions taken(const Flags& options, const Environment& environment = {}) {
  const Parsed parsed = parse_run(options, environment);
  if (const auto* bad = std::get_if<BadUsage>(&parsed)) FAIL(bad->message);
  return std::get<RunCommand>(parsed).options;
}

std::string refused(const Flags& options, const Environment& environment = {}) {
  const Parsed parsed = parse_run(options, environment);
  REQUIRE(std::holds_alternative<BadUsage>(parsed));
  return std::get<BadUsage>(parsed).message;
}

RedisAddress redis_of(const supervise::RunOptions& options) {
  REQUIRE(std::holds_alternative<RedisAddress>(options.store.address));
  return std::get<RedisAddress>(options.store.address);
}

std::string host_of(const supervise::RunOptions& options) {
  return redis_of(options).endpoints.front().host;
}

}  // namespace

TEST_CASE("the store comes from the command line, then from the environment, then from the file") {
  const OwnFile config{"store = \"redis://file\"\n"};
  CHECK(host_of(taken({"--store", "redis://line"},
                      {.store = "redis://variable", .default_config = config.path()})) == "line");
  CHECK(host_of(taken({}, {.store = "redis://variable", .default_config = config.path()})) ==
        "variable");
  CHECK(host_of(taken({}, {.default_config = config.path()})) == "file");
}

TEST_CASE("a variable gives an option, below the command line and above the file") {
  const OwnFile config{"ttl = \"40s\"\nnote = \"file\"\n"};
  const auto ttl = [&](const Flags& options, const Environment& environment) {
    return taken(options, environment).terms.ttl();
  };
  CHECK(ttl({"--ttl", "20s"}, {.ours = {{"DLOCK_TTL", "30s"}}, .default_config = config.path()}) ==
        20s);
  CHECK(ttl({}, {.ours = {{"DLOCK_TTL", "30s"}}, .default_config = config.path()}) == 30s);
  CHECK(ttl({}, {.default_config = config.path()}) == 40s);
  CHECK(taken({}, {.ours = {{"DLOCK_NOTE", "true"}}}).note == "true");
  CHECK(taken({}, {.ours = {{"DLOCK_MIN_HOLD", "3s"}}}).min_hold == 3s);
  CHECK(taken({}, {.ours = {{"DLOCK_WAIT", "true"}}}).wait.is_forever());
  for (const char* yes : {"1", "true"})
    CHECK(taken({}, {.ours = {{"DLOCK_SHARED", yes}}}).limit.is_shared());
  for (const char* no : {"0", "false"})
    CHECK(taken({}, {.ours = {{"DLOCK_SHARED", no}}}).limit.is_exclusive());
}

TEST_CASE("a wrong value in a variable is refused by the name of the variable") {
  CHECK(refused({}, {.ours = {{"DLOCK_TTL", "soon"}}})
            .starts_with("DLOCK_TTL: --ttl 'soon' is not a duration"));
  CHECK(refused({}, {.ours = {{"DLOCK_SHARED", "yes"}}}) ==
        "DLOCK_SHARED: shared must be true or false");
  CHECK(refused({}, {.ours = {{"DLOCK_WAIT", ""}}}).starts_with("DLOCK_WAIT: wait is empty"));
  CHECK(refused({}, {.ours = {{"DLOCK_SHARED", "1"}, {"DLOCK_LIMIT", "2"}}})
            .find("--shared and --limit are mutually exclusive") != std::string::npos);
}

TEST_CASE("a variable that dlock sets for a job gives no option to a dlock in that job") {
  const supervise::RunOptions options = taken({}, {.ours = {{"DLOCK_KEY", "outer"},
                                                            {"DLOCK_OWNER", "x"},
                                                            {"DLOCK_FORCE", "maybe"},
                                                            {"DLOCK_ttl", "x"},
                                                            {"DLOCK_", "x"},
                                                            {"DLOCK_ON-SILENCE", "x"}}});
  CHECK(options.key.bytes() == "k");
  const Parsed parsed = parse({.ours = {"run"}, .job = {"cmd"}, .has_dashes = true},
                              {.ours = {{"DLOCK_KEY", "outer"}}, .default_config = ""});
  REQUIRE(std::holds_alternative<BadUsage>(parsed));
  CHECK(std::get<BadUsage>(parsed).message.starts_with("--key is missing"));
}

TEST_CASE("a misspelt variable is named together with the one that it may mean") {
  const auto warnings = [](const char* name) {
    return warnings_of_variables({.ours = {{name, "x"}}});
  };
  REQUIRE(warnings("DLOCK_TLL").size() == 1);
  CHECK(warnings("DLOCK_TLL").front() ==
        "the variable 'DLOCK_TLL' is unknown and has no effect; did you mean DLOCK_TTL?");
  CHECK(warnings("DLOCK_ON_SILENT").size() == 1);
  for (const char* name : {"DLOCK_TTL", "DLOCK_KEY", "DLOCK_STORE_NAME", "DLOCK_PASSWORD_FILE",
                           "DLOCK_TEST_REDIS", "DLOCK_IMAGE_VERSION", "DLOCK_"}) {
    CAPTURE(name);
    CHECK(warnings(name).empty());
  }
}

TEST_CASE("DLOCK_PASSWORD_FILE outranks REDISCLI_AUTH and is outranked by the command line") {
  const OwnFile file{"of-the-file\n"};
  const Environment variables{.store = "redis://h",
                              .password = "of-redis-cli",
                              .ours = {{"DLOCK_PASSWORD_FILE", file.path()}}};
  CHECK(redis_of(taken({}, variables)).login.password.file == file.path());
  CHECK(redis_of(taken({"--store", "redis://:of-the-line@h"}, variables)).login.password.text ==
        "of-the-line");
  CHECK(refused({},
                {.store = "redis://:in-the-url@h", .ours = {{"DLOCK_PASSWORD_FILE", file.path()}}})
            .find("both give a password") != std::string::npos);
  const Environment twice{.store = "redis+sentinel://h/m",
                          .sentinel_password = "x",
                          .ours = {{"DLOCK_SENTINEL_PASSWORD_FILE", file.path()}}};
  CHECK(refused({}, twice).find("both give a password") != std::string::npos);
}

TEST_CASE("of two passwords the one from the source of higher rank counts") {
  const OwnFile file{"of-the-file\n"};
  const OwnFile config{"store = \"redis://:of-the-config@h\"\npassword-file = \"" + file.path() +
                       "\"\n"};
  const auto password = [](const Flags& options, const Environment& environment) {
    return redis_of(taken(options, environment)).login.password;
  };
  const Flags by_flag{"--password-file", file.path()};
  CHECK(password(by_flag, {.store = "redis://:of-the-url@h"}).file == file.path());
  CHECK(password(by_flag, {.store = "redis://h", .password = "of-redis-cli"}).file == file.path());
  CHECK(password({}, {.store = "redis://:of-the-url@h", .password = "of-redis-cli"}).text ==
        "of-the-url");
  CHECK(password({"--store", "redis://h"},
                 {.password = "of-redis-cli", .default_config = config.path()})
            .text == "of-redis-cli");
  CHECK(password({"--store", "redis://h"}, {.default_config = config.path()}).file == file.path());
}

TEST_CASE(
    "the password of the Sentinels comes from the command line, the environment, then the file") {
  const OwnFile file{"of-the-file\n"};
  const OwnFile config{"sentinel-password-file = \"" + file.path() + "\"\n"};
  const auto password = [](const Flags& options, const Environment& environment) {
    return taken(options, environment).store.sentinel_login.password;
  };
  const std::string store = "redis+sentinel://h/m";
  const Flags by_flag{"--sentinel-password-file", file.path()};
  CHECK(password(by_flag, {.store = store, .sentinel_password = "of-the-variable"}).file ==
        file.path());
  CHECK(password({}, {.store = store,
                      .sentinel_password = "of-the-variable",
                      .default_config = config.path()})
            .text == "of-the-variable");
  CHECK(password({}, {.store = store, .default_config = config.path()}).file == file.path());
}

TEST_CASE("--replica-timeout is at least 1 ms and shorter than a request") {
  const auto with = [](const std::string& timeout) {
    return Flags{"--store", "redis://h", "--ttl", "10s", "--replica-timeout", timeout};
  };
  CHECK(taken(with("1ms")).store.replica_timeout == 1ms);
  CHECK(taken(with("999ms")).store.replica_timeout == 999ms);
  CHECK(refused(with("0.9ms")).find("the minimum is 1ms") != std::string::npos);
  CHECK(refused(with("0")).find("the minimum is 1ms") != std::string::npos);
  CHECK(refused(with("1s")).find("does not fit into a renewal") != std::string::npos);
  CHECK(taken({"--store", "redis://h", "--ttl", "10s"}).store.replica_timeout == 500ms);
}

TEST_CASE("options that would have no effect are refused") {
  const OwnFile file{"x\n"};
  for (const char* option : {"--tls-cacert", "--tls-sni"}) {
    CAPTURE(option);
    CHECK(refused({"--store", "redis://h", option, file.path()}).find("rediss://") !=
          std::string::npos);
    taken({"--store", "rediss://h", option, file.path()});
  }
  CHECK(refused({"--store", "redis://h", "--sentinel-password-file", file.path()})
            .find("redis+sentinel://") != std::string::npos);
  CHECK(refused({"--store", "local", "--min-replicas", "1"}).find("--store") != std::string::npos);
}

TEST_CASE("--once-per with several holders at once is refused") {
  CHECK(refused({"--once-per", "1h", "--limit", "2"}).find("--limit") != std::string::npos);
  CHECK(refused({"--once-per", "1h", "--shared"}).find("--shared") != std::string::npos);
  CHECK(taken({"--once-per", "1h", "--limit", "1"}).once->period == 1h);
}

TEST_CASE("options that exclude each other are refused together") {
  CHECK(refused({"-n", "-w"}).find("remove one") != std::string::npos);
  CHECK(refused({"--shared", "--limit", "2"}).find("remove one") != std::string::npos);
}

TEST_CASE("an expired liveness is recreated only with --on-silence=continue") {
  CHECK_FALSE(taken({"--store", "redis://h"}).store.revive_lapsed);
  CHECK(taken({"--store", "redis://h", "--on-silence=continue"}).store.revive_lapsed);
}

TEST_CASE("a run is nested if the run around it holds the same key and it wants that key alone") {
  const Environment inside{.key = "k", .owner = "k@host/1.2.3"};
  CHECK(taken({}, inside).part_of.text == "k@host/1.2.3");
  CHECK(taken({"--shared"}, inside).part_of.text.empty());
  CHECK(taken({}, {.key = "other", .owner = "other@host/1.2.3"}).part_of.text.empty());
}

TEST_CASE("--lock-ttl is at least --ttl") {
  CHECK(taken({"--ttl", "10s", "--lock-ttl", "10s"}).terms.lock_ttl() == 10s);
  refused({"--ttl", "10s", "--lock-ttl", "9999ms"});
}

TEST_CASE("list and unlock accept the options and keys that apply to them and refuse others") {
  const auto answer = [](Flags words) {
    return parse({.ours = std::move(words)}, {.store = "local", .default_config = ""});
  };
  const auto watches = answer({"list", "--watch", "100ms"});
  REQUIRE(std::holds_alternative<ShowCommand>(watches));
  CHECK(std::get<ShowCommand>(watches).view.watch == 100ms);
  CHECK(std::holds_alternative<BadUsage>(answer({"list", "--watch", "99ms"})));
  CHECK(std::holds_alternative<UnlockCommand>(answer({"unlock", "a"})));
  CHECK(std::holds_alternative<BadUsage>(answer({"unlock", "a", "b"})));
  CHECK(std::holds_alternative<BadUsage>(answer({"unlock"})));
}

TEST_CASE("dlock sends watchdog messages only if WATCHDOG_PID names its process") {
  const auto watchdog = [](const std::string& pid) {
    return taken({}, {.watchdog_usec = "2000000", .watchdog_pid = pid}).manager.watchdog;
  };
  CHECK(watchdog(std::to_string(::getpid())) == 2s);
  CHECK_FALSE(watchdog("1").has_value());
  CHECK_FALSE(watchdog("").has_value());
}
