// Values in user input: durations, signals, keys.
#include "core/duration.h"
#include "core/identity.h"
#include "core/signals.h"

#include <doctest/doctest.h>

#include <csignal>

using namespace dlock;
using namespace std::chrono_literals;

TEST_CASE(
    "a duration is a number with a unit, a bare number is seconds, and other text is refused") {
  struct {
    const char* text;
    Duration want;
  } good[] = {{"30s", 30s},       {"500ms", 500ms},
              {"010s", 10s},      {"30", 30s},
              {"5m", 5min},       {"2h", 2h},
              {"1d", 24h},        {"1.5s", 1500ms},
              {"0", 0s},          {"365d", 365 * 24h},
              {".5", 500ms},      {".5h", 30min},
              {"5.", 5s},         {"1m30s", 90s},
              {"1h15m", 75min},   {"1d12h30m15s500ms", 36h + 30min + 15s + 500ms},
              {"1m.5s", 60500ms}, {"364d24h", 365 * 24h}};
  for (const auto& [text, want] : good) {
    CAPTURE(text);
    const auto read = parse_duration(text);
    REQUIRE(read.ok());
    CHECK(*read == want);
  }
  for (const char* text : {"",     "s",     "-1s",  "-1",      "+1s",     "30 s",
                           " 30s", "30s ",  "1e9d", "1e3",     "0x10s",   "9999999999999999999s",
                           "366d", "1w",    "1S",   "..",      "1.2.3s",  "nan",
                           "inf",  ".",     ".s",   "365.9d",  "365d1ms", "364d25h",
                           "1m30", "30s1m", "1m1m", "1.5h30m", "1h 15m",  "1h15"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text).ok());
  }
}

TEST_CASE("an invalid duration is refused with the correct form") {
  CHECK(parse_duration("-1s").error() ==
        "is negative; write a number with a unit: 500ms, 30s, 5m, 1h30m or 1d");
  CHECK(parse_duration("30 s").error() ==
        "is not a duration; write a number with a unit: 500ms, 30s, 5m, 1h30m or 1d");
  CHECK(parse_duration("99999d").error() == "is too long; the maximum is 365d");
}

TEST_CASE("a duration is written so that it is parsed back to the same value") {
  for (const Duration duration :
       {Duration{0s}, Duration{1300ms}, Duration{10s}, Duration{90s}, Duration{2min}, Duration{3h},
        Duration{24h}, Duration{1234ms}, Duration{61'001ms}}) {
    CAPTURE(to_text(duration));
    CHECK(*parse_duration(to_text(duration)) == duration);
  }
  CHECK(to_text(1300ms) == "1.3s");
  CHECK(to_text(300s) == "5m");
  CHECK(to_text(Duration{1}) ==
        "1ms");  // rounded up: a minimum in a message must be accepted as input
  CHECK(to_text(1500us) == "2ms");
}

TEST_CASE("a signal is a name with or without SIG, in any case, or a number") {
  for (const char* text : {"TERM", "SIGTERM", "term", "sigterm", "15"}) {
    CAPTURE(text);
    CHECK(parse_signal(text) == SIGTERM);
  }
  CHECK(parse_signal("RTMIN+2") == SIGRTMIN + 2);
  CHECK(parse_signal("RTMAX-1") == SIGRTMAX - 1);
  for (const char* text : {"", "0", "65", "-1", "TERMINATE", "SIG", "15x", "RTMIN+99",
                           "99999999999", "RTMIN+2147483647", "RTMAX--2147483648", "RTMIN+-1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_signal(text).has_value());
  }
  CHECK(signal_name(SIGKILL) == "SIGKILL");
  CHECK(signal_name(SIGRTMIN + 3) == "signal " + std::to_string(SIGRTMIN + 3));
}

TEST_CASE("a key is 1 to 512 bytes, any but NUL") {
  CHECK(LockKey::parse("a b/ü{}\n").ok());
  CHECK(LockKey::parse(std::string(512, 'x')).ok());
  CHECK(LockKey::parse("").error() == "is empty; give the lock a name");
  CHECK(LockKey::parse(std::string(513, 'x')).error() ==
        "is too long: 513 bytes; the maximum is 512");
  CHECK_FALSE(LockKey::parse(std::string_view{"a\0b", 3}).ok());
}

TEST_CASE("each signal is known as a request to stop, as terminating by default, or as neither") {
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) CHECK(asks_to_stop(number));
  for (const int number : {SIGUSR1, SIGALRM, SIGCONT, SIGWINCH, SIGTSTP, SIGCHLD})
    CHECK_FALSE(asks_to_stop(number));
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGALRM, SIGPIPE})
    CHECK(ends_by_default(number));
  for (const int number : {SIGCONT, SIGWINCH, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGCHLD})
    CHECK_FALSE(ends_by_default(number));
}
