// What an error of a server means for a request.
#include "redis/faults.h"

#include "redis/resp.h"

#include <doctest/doctest.h>

#include <string>

using namespace dlock;
using namespace dlock::redis;
using namespace std::chrono_literals;

TEST_CASE("a request without a reply may have been applied, one that was not sent was not") {
  CHECK_FALSE(timed_out("redis://a", 1s).not_applied);
  CHECK_FALSE(connection_broke("redis://a", "the server closed it").not_applied);
  CHECK(unreachable("redis://a", "no route").not_applied);
}

TEST_CASE("an error is known by its code, not by a word in its text") {
  const auto meaning = [](const char* text) { return error_reply("redis://a", text).exit_code; };
  const ExitCode no_password = meaning("NOAUTH Authentication required.");
  const ExitCode unknown = meaning("ERR something else");
  REQUIRE(no_password != unknown);
  CHECK(meaning("ERR the user wrote NOAUTH in a note") == unknown);
  CHECK(meaning("NOAUTHORITY is another code") == unknown);
  // A Redis before 7 wraps the error of a call inside a script.
  CHECK(meaning("ERR Error running script (call to f_1): @user_script:1: -NOAUTH Authentication "
                "required.") == no_password);
}

TEST_CASE("a reply without an end is refused before it fills the memory") {
  ReplyReader reader;
  const std::string part(1 << 20, 'x');
  const std::string begin = "$500000000\r\n";
  reader.feed(begin.data(), begin.size());
  int fed = 0;
  for (; fed < 200 && reader.next(); ++fed) reader.feed(part.data(), part.size());
  CHECK(fed > 0);
  CHECK(fed < 200);
}
