#include "cli/command_line.h"

#include "cli/args.h"

#include <doctest/doctest.h>

#include <csignal>
#include <cstring>

using namespace dlock;
using namespace dlock::cli;

namespace {

/// A command line as main gets it, in writable memory.
class Argv {
 public:
  explicit Argv(std::vector<std::string> words) : words_(std::move(words)) {
    for (std::string& word : words_) pointers_.push_back(word.data());
    pointers_.push_back(nullptr);
  }
  int count() const { return static_cast<int>(words_.size()); }
  char** pointers() { return pointers_.data(); }

 private:
  std::vector<std::string> words_;
  std::vector<char*> pointers_;
};

Parsed parse_words(std::vector<std::string> words, std::optional<std::string> store = "local") {
  words.insert(words.begin(), "dlock");
  Argv argv{std::move(words)};
  return parse(split_at_dashes(argv.count(), argv.pointers()),
               {.store = std::move(store), .default_config = ""});
}

BadUsage bad(std::vector<std::string> words, std::optional<std::string> store = "local") {
  const Parsed parsed = parse_words(std::move(words), std::move(store));
  const auto* usage = std::get_if<BadUsage>(&parsed);
  return usage != nullptr ? *usage : BadUsage{ExitCode::Success, "was taken"};
}

RunCommand good(std::vector<std::string> words, std::optional<std::string> store = "local") {
  Parsed parsed = parse_words(std::move(words), std::move(store));
  REQUIRE(std::holds_alternative<RunCommand>(parsed));
  return std::get<RunCommand>(std::move(parsed));
}

}  // namespace

TEST_CASE(
    "the words of the job are passed on unchanged: [], [a], --key, a second -- and empty ones") {
  const RunCommand command =
      good({"run", "--key", "k", "--", "cmd", "[]", "[a]", "--key", "--", "", "-x"});
  CHECK(command.options.command ==
        std::vector<std::string>{"cmd", "[]", "[a]", "--key", "--", "", "-x"});
  CHECK(command.options.key.bytes() == "k");
  CHECK(good({"run", "--key", "k", "--", "--", "x"}).options.command ==
        std::vector<std::string>{"--", "x"});
}

TEST_CASE("010s is ten seconds") {
  CHECK(good({"run", "--key", "k", "--ttl", "010s", "--", "cmd"}).options.terms.ttl() ==
        std::chrono::seconds{10});
}

TEST_CASE("a note and a trace of 1024 bytes are accepted") {
  const std::string most(1024, 'x');
  const auto options =
      good({"run", "--key", "k", "--note", most, "--trace", most, "--", "cmd"}).options;
  CHECK(options.note == most);
  CHECK(options.trace == most);
}

TEST_CASE("a --ttl longer than the default --lock-ttl raises it, unless --lock-ttl is given") {
  const LeaseTerms terms = good({"run", "--key", "k", "--ttl", "10m", "--", "cmd"}).options.terms;
  CHECK(terms.lock_ttl() == std::chrono::minutes{10});
}

TEST_CASE("--warn-signal comes at once by default; without a kill any --warn-after is accepted") {
  const auto warning = [](std::vector<std::string> options) {
    std::vector<std::string> words{"run", "--key", "k", "--", "cmd"};
    words.insert(words.begin() + 3, options.begin(), options.end());
    return good(words).options.warning.value();
  };
  CHECK(warning({"--warn-signal", "USR2"}).signal == SIGUSR2);
  CHECK(warning({"--warn-signal", "USR2"}).after == std::chrono::seconds{0});
  CHECK(warning({"--warn-signal", "RTMIN+1:7.397s"}).after == std::chrono::milliseconds{7397});
  CHECK(warning({"--warn-signal", "USR1:1h", "--on-silence=continue"}).after ==
        std::chrono::hours{1});
  CHECK_FALSE(good({"run", "--key", "k", "--", "cmd"}).options.warning.has_value());
}

TEST_CASE("every invalid option is refused with its name, its value and the remedy") {
  struct {
    std::vector<std::string> words;
    std::vector<const char*> says;
  } cases[] = {
      {{"run", "--key", "k"}, {"-- is missing before the command"}},
      {{"run", "--key", "k", "--"}, {"the command is missing after the --"}},
      {{"run", "--", "cmd"}, {"--key is missing"}},
      {{"run", "--key", "", "--", "cmd"}, {"--key", "is empty"}},
      {{"run", "--key", std::string(513, 'x'), "--", "cmd"}, {"--key", "513 bytes", "512"}},
      {{"run", "--key", "k", "--store", "ftp://x", "--", "cmd"},
       {"--store", "ftp://x", "redis://"}},
      {{"run", "--key", "k", "--ttl", "1s", "--", "cmd"}, {"--ttl '1s'", "minimum is 1.3s"}},
      {{"run", "--key", "k", "--ttl", "30 s", "--", "cmd"},
       {"--ttl '30 s'", "write a number with a unit"}},
      {{"run", "--key", "k", "--ttl", "1e9d", "--", "cmd"}, {"--ttl '1e9d'"}},
      {{"run", "--key", "k", "--lock-ttl", "5s", "--", "cmd"},
       {"--lock-ttl '5s'", "minimum is 10s"}},
      {{"run", "--key", "k", "-E", "256", "--", "cmd"},
       {"-E/--conflict-exit-code '256'", "0 to 255"}},
      {{"run", "--key", "k", "-E", "-1", "--", "cmd"}, {"-1"}},
      {{"run", "--key", "k", "-s", "NOPE", "--", "cmd"}, {"-s/--signal 'NOPE'", "TERM"}},
      {{"run", "--key", "k", "-k", "x", "--", "cmd"}, {"-k/--kill-after 'x'"}},
      {{"run", "--key", "k", "--max-run", "0", "--", "cmd"},
       {"--max-run '0'", "leaves no time", "more than 0"}},
      {{"run", "--key", "k", "--max-run=-5s", "--", "cmd"}, {"--max-run '-5s'", "is negative"}},
      {{"run", "--key", "k", "--max-run=", "--", "cmd"}, {"--max-run"}},
      {{"run", "--key", "k", "--warn-signal", "NOPE", "--", "cmd"},
       {"--warn-signal 'NOPE'", "USR1:2s"}},
      {{"run", "--key", "k", "--warn-signal", ":2s", "--", "cmd"}, {"--warn-signal ':2s'"}},
      {{"run", "--key", "k", "--warn-signal", "USR1:", "--", "cmd"},
       {"--warn-signal 'USR1:'", "not a duration"}},
      {{"run", "--key", "k", "--warn-signal", "USR1:-1s", "--", "cmd"},
       {"--warn-signal 'USR1:-1s'", "is negative"}},
      {{"run", "--key", "k", "--warn-signal", "USR1:2s:3s", "--", "cmd"},
       {"--warn-signal 'USR1:2s:3s'", "not a duration"}},
      {{"run", "--key", "k", "--warn-signal", "KILL", "--", "cmd"},
       {"--warn-signal 'KILL'", "such as USR1"}},
      {{"run", "--key", "k", "--warn-signal", "19:1s", "--", "cmd"},
       {"--warn-signal '19:1s'", "such as USR1"}},
      {{"run", "--key", "k", "--warn-signal", "USR1:7.398s", "--", "cmd"},
       {"--warn-signal 'USR1:7.398s'", "the maximum is 7397ms"}},
      {{"run", "--key", "k", "--heartbeat-timeout", "0ms", "--", "cmd"},
       {"--heartbeat-timeout '0ms'", "leaves no time"}},
      {{"run", "--key", "k", "--heartbeat-timeout", "soon", "--", "cmd"},
       {"--heartbeat-timeout 'soon'", "not a duration"}},
      {{"heartbeat", "--", "cmd"}, {"heartbeat", "remove the --"}},
      {{"heartbeat"}, {"DLOCK_SOCKET is not set", "dlock run --heartbeat-timeout"}},
      {{"run", "--key", "k", "--orphans", "eat", "--", "cmd"},
       {"--orphans 'eat'", "kill, wait, leave"}},
      {{"run", "--key", "k", "--contain", "box", "--", "cmd"},
       {"--contain 'box'", "auto, walk, cgroup, pidns"}},
      {{"run", "--key", "k", "--orphans=leave", "--contain=pidns", "--", "cmd"},
       {"--orphans=leave", "--contain=pidns"}},
      {{"run", "--key", "k", "--on-silence", "no", "--", "cmd"},
       {"--on-silence 'no'", "kill, continue"}},
      {{"run", "--key", "k", "--log-format", "xml", "--", "cmd"},
       {"--log-format 'xml'", "text, json"}},
      {{"run", "--key", "k", "-v", "-q", "--", "cmd"}, {"--verbose and --quiet"}},
      {{"run", "--key", "k", "--trace", "a\nb", "--", "cmd"},
       {"--trace 'a?b'", "control characters"}},
      {{"run", "--key", "k", "--note", "a\x1b[2J", "--", "cmd"}, {"--note", "control characters"}},
      {{"run", "--key", "k", "--note", std::string(1025, 'x'), "--", "cmd"},
       {"--note 'xxx", "too long", "1025 bytes", "the maximum is 1024"}},
      {{"run", "--key", "k", "--trace", std::string(20'000, 'x'), "--", "cmd"},
       {"--trace 'xxx", "20000 bytes"}},
      {{"run", "--key", "k", "--nowhere", "--", "cmd"},
       {"'--nowhere' is not an option of dlock run", "dlock run --help"}},
      {{"run", "--kye", "k", "--", "cmd"}, {"'--kye' is not an option", "did you mean --key?"}},
      {{"run", "--key", "k", "--timeout", "5s", "--", "cmd"},
       {"'--timeout' is not an option", "--wait DUR", "--max-run DUR"}},
      {{"run", "-k", "backup", "--", "cmd"},
       {"--key is missing; -k is --kill-after, so write --key 'backup'"}},
      {{"run", "backup", "--", "cmd"}, {"'backup' is not an option", "--key K", "after a --"}},
      {{"stauts", "k"}, {"'stauts' is not a sub-command", "did you mean status?"}},
      {{"run", "--key", "k", "--key", "l", "--", "cmd"}, {"--key"}},
      {{"run", "--key", "k", "word", "--", "cmd"}, {"'word' is not an option", "after a --"}},
      {{"run", "--key", "k", "cmd"}, {"'cmd' is not an option", "after a --"}},
      {{"run", "--key", "k", "redis://u:geheim@h"}, {"'redis://***@h'"}},
      {{"doctor", "word"}, {"'word' is not an option of dlock doctor"}},
      {{"run", "--key", "k", "--ready", "soon", "--", "cmd"}, {"--ready 'soon'", "start, job"}},
      {{}, {"sub-command"}},
      {{"walk"}, {"'walk' is not a sub-command", "run, status, list, unlock"}},
      {{"--version=new"}, {"--version takes no value", "remove it"}},
  };
  for (const auto& [words, says] : cases) {
    const BadUsage usage = bad(words);
    CAPTURE(usage.message);
    CHECK(usage.code == ExitCode::Usage);
    for (const char* part : says) CHECK(usage.message.find(part) != std::string::npos);
  }
}

TEST_CASE("a store variable that is set but empty is an error, not a fallback to the default") {
  const BadUsage empty = bad({"run", "--key", "k", "--", "cmd"}, "");
  CHECK(empty.code == ExitCode::Configuration);
  CHECK(empty.message.find("DLOCK_STORE is empty") != std::string::npos);
  CHECK(bad({"run", "--key", "k", "--", "cmd"}, "nonsense").code == ExitCode::Configuration);
  CHECK(good({"run", "--key", "k", "--", "cmd"}, std::nullopt).store_is_default);
  CHECK_FALSE(good({"run", "--key", "k", "--", "cmd"}, "local").store_is_default);
  CHECK(good({"run", "--key", "k", "--store", "local", "--", "cmd"}, "").options.key.bytes() ==
        "k");
}

TEST_CASE("a password on the command line is erased where ps reads it; the words of the job stay") {
  Argv argv{
      {"dlock", "run", "--store=redis://u:geheim@h/1", "--", "redis-cli", "-u", "redis://u:own@h"}};
  CHECK(wipe_url_secrets(argv.count(), argv.pointers()));
  CHECK(std::strcmp(argv.pointers()[2], "--store=redis://********@h/1") == 0);
  CHECK(std::strcmp(argv.pointers()[6], "redis://u:own@h") == 0);

  Argv with_at{{"dlock", "run", "--store", "redis://u:ge@heim@h"}};
  CHECK(wipe_url_secrets(with_at.count(), with_at.pointers()));
  CHECK(std::strcmp(with_at.pointers()[3], "redis://*********@h") == 0);

  Argv plain{{"dlock", "run", "--store", "redis://h"}};
  CHECK_FALSE(wipe_url_secrets(plain.count(), plain.pointers()));
}

TEST_CASE("no error message contains a secret") {
  CHECK(bad({"run", "--key", "k", "--store", "redis://u:geheim@h:x", "--", "c"})
            .message.find("geheim") == std::string::npos);
  CHECK(bad({"--redis://u:geheim=9@h", "run", "--key", "k", "--", "c"}).message.find("geheim") ==
        std::string::npos);
  CHECK(bad({"run", "--key", "k", "redis://u:geheim@h", "--", "c"}).message.find("geheim") ==
        std::string::npos);
  CHECK(bad({"run", "--key", "k", "--", "c"}, "redis://u:geheim@h:x").message.find("geheim") ==
        std::string::npos);
}

TEST_CASE("the limits of each option are accepted, and a value beyond them is refused") {
  const auto run_with = [](const std::string& option, const std::string& value) {
    return std::vector<std::string>{"run", "--key", "k", option, value, "--", "cmd"};
  };
  for (const auto& [option, value] : {std::pair{"--once-per", "1s"},
                                      {"--conflict-exit-code", "0"},
                                      {"--conflict-exit-code", "255"},
                                      {"--limit", "1"},
                                      {"--ttl", "2s"},
                                      {"--ttl", "365d"},
                                      {"--wait", "0"},
                                      {"--min-hold", "0"}}) {
    CAPTURE(option);
    CAPTURE(value);
    good(run_with(option, value));
  }
  for (const auto& [option, value] : {std::pair{"--once-per", "999ms"},
                                      {"--once-per", "0"},
                                      {"--conflict-exit-code", "-1"},
                                      {"--conflict-exit-code", "256"},
                                      {"--limit", "0"},
                                      {"--ttl", "1ms"},
                                      {"--ttl", "366d"},
                                      {"--max-run", "0"},
                                      {"--heartbeat-timeout", "0"}}) {
    CAPTURE(option);
    CAPTURE(value);
    CHECK(bad(run_with(option, value)).code == ExitCode::Usage);
  }
}
